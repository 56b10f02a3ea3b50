/**
 * Starts and drives the programs of a measurement: this switch, DPDK's testpmd and Open vSwitch.
 *
 * <p>Each program is a child process. It is ended by its process ID when its object is closed or when the JVM exits.
 * The switch is driven by its command line and its API socket. An object belongs to the thread that created it.
 */
@NullMarked
package io.ringbridge.bench.peer;

import org.jspecify.annotations.NullMarked;
