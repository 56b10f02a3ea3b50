/**
 * The back-end's side of vhost-user: the socket of a guest port, and the sessions on it.
 *
 * <p>A {@link io.ringbridge.control.backend.Backend} runs one thread, {@code rb-session-NAME}, which owns everything
 * here. Only this thread commands the port. The port's workers acknowledge each command before the thread closes
 * anything that they could still use.
 */
@NullMarked
package io.ringbridge.control.backend;

import org.jspecify.annotations.NullMarked;
