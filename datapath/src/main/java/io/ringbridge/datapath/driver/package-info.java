/**
 * The guest's side of virtqueues: a guest's memory, and a driver that sends and receives frames.
 *
 * <p>The demo, the benchmarks, the front-end and the tests use it; the switch does not. A
 * {@link io.ringbridge.datapath.driver.GuestRam} belongs to one thread until its queues exist. Each
 * {@link io.ringbridge.datapath.driver.Transmitter} and {@link io.ringbridge.datapath.driver.Receiver} may belong to
 * another thread, which must have ended before the memory is closed.
 */
@NullMarked
package io.ringbridge.datapath.driver;

import org.jspecify.annotations.NullMarked;
