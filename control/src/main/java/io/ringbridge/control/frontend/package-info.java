/**
 * The front-end's side of vhost-user: plays a virtual machine monitor against any back-end. The guest's driver is in
 * {@code io.ringbridge.datapath.driver}.
 *
 * <p>Ports of type {@code backend}, the demo, the benchmarks and the tests use it. A
 * {@link io.ringbridge.control.frontend.Frontend} belongs to one thread. Each queue may belong to another
 * thread, which must have ended before the front-end is closed.
 */
@NullMarked
package io.ringbridge.control.frontend;

import org.jspecify.annotations.NullMarked;
