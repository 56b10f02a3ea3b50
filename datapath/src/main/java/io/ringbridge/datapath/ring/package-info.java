/**
 * Virtqueues in guest memory, from both sides. {@code DeviceRing} is the switch's side. {@code DriverRing} is the
 * guest's side, for the demo, the benchmarks and the tests.
 *
 * <p>One thread, a worker's, owns a ring; nothing here is synchronised. Each field that the guest wrote is read once,
 * into a local variable, and checked there.
 */
@NullMarked
package io.ringbridge.datapath.ring;

import org.jspecify.annotations.NullMarked;
