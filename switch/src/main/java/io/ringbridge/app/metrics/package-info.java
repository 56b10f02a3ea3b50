/**
 * The metrics of a switch for Prometheus. Reads the datapath's counters when a client asks for them, on the client's
 * thread: no worker notices. {@code Metric} lists all metrics.
 */
@NullMarked
package io.ringbridge.app.metrics;

import org.jspecify.annotations.NullMarked;
