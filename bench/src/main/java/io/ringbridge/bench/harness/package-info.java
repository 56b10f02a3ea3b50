/**
 * Starts and drives what the end-to-end tests and the comparison are made of: this switch, DPDK's testpmd, Open vSwitch, QEMU guests.
 *
 * <p>Everything here is a child process, ended by its own process id when its object is closed or when the JVM exits. The switch is
 * driven by its command line only. An object belongs to the thread that made it.
 */
package io.ringbridge.bench.harness;
