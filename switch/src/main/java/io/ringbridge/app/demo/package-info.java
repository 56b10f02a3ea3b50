/**
 * The demo: a switch and two guests in one process, connected by real vhost-user sockets, and a measurement of their
 * traffic. The warm-up and the rehearsal of an upgrade use the same guests.
 *
 * <p>The guests' threads belong to {@link io.ringbridge.app.demo.Demo}; the caller's thread waits and reports.
 */
@NullMarked
package io.ringbridge.app.demo;

import org.jspecify.annotations.NullMarked;
