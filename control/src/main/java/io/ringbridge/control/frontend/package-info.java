/**
 * The front-end's side of vhost-user: plays a virtual machine monitor and a guest's driver against any back-end.
 *
 * <p>The demo, the benchmarks and the tests use it. A {@link io.ringbridge.control.frontend.Frontend} belongs to one
 * thread. Each {@link io.ringbridge.control.frontend.Transmitter} and {@link io.ringbridge.control.frontend.Receiver}
 * may belong to another thread, which must have ended before the front-end is closed.
 */
@NullMarked
package io.ringbridge.control.frontend;

import org.jspecify.annotations.NullMarked;
