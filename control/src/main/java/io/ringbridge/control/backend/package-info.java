/**
 * The back-end's side of vhost-user: a socket for a guest port, and the sessions on it.
 *
 * <p>A {@link io.ringbridge.control.backend.Backend} runs one thread, {@code rb-session-NAME}, which owns everything here. It is the
 * only one that commands its port; the port's workers acknowledge each command before anything they could still touch is closed.
 */
package io.ringbridge.control.backend;
