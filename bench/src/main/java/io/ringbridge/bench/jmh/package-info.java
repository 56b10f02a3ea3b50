/**
 * {@code ringbridge bench jmh}: microbenchmarks of the datapath's parts, each with the alternatives that were
 * considered.
 *
 * <p>A benchmark method is named after the alternative that it measures. The one that the switch uses is named
 * {@code used}. Each benchmark runs in its own process, with one thread.
 */
@NullMarked
package io.ringbridge.bench.jmh;

import org.jspecify.annotations.NullMarked;
