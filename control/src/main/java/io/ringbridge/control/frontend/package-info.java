/**
 * The front-end's side of vhost-user: what a virtual machine monitor and the guest's driver do, against any back-end.
 *
 * <p>The demo, the benchmarks and the tests run on it. A {@link io.ringbridge.control.frontend.Frontend} belongs to one thread; its
 * {@link io.ringbridge.control.frontend.Transmitter}s and {@link io.ringbridge.control.frontend.Receiver}s may each belong to another,
 * which has to have ended before the front-end is closed.
 */
package io.ringbridge.control.frontend;
