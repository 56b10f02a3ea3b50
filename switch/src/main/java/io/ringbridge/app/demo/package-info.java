/**
 * The demo: a switch and two guests in one process, over real vhost-user sockets, and what goes through between them.
 *
 * <p>The guests' threads belong to {@link io.ringbridge.app.demo.Demo}; the caller's thread watches.
 */
package io.ringbridge.app.demo;
