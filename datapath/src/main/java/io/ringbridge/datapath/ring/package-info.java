/**
 * Virtqueues in guest memory, from both sides: {@code DeviceRing} is what the switch works on, {@code DriverRing} is what a guest
 * works on and serves the demo, the benchmarks and the tests.
 *
 * <p>A ring is owned by one thread, a worker's; nothing here is synchronised. What the guest wrote is read once, into locals, and
 * checked there.
 */
package io.ringbridge.datapath.ring;
