/**
 * Starts and drives the programs of the comparison and of the end-to-end tests: this switch, DPDK's testpmd and Open
 * vSwitch. The tests add QEMU guests.
 *
 * <p>Each program is a child process. It is ended by its process ID when its object is closed or when the JVM exits.
 * The switch is driven by its command line and its API socket. An object belongs to the thread that created it.
 */
@NullMarked
package io.ringbridge.bench.harness;

import org.jspecify.annotations.NullMarked;
