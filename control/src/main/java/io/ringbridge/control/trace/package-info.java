/**
 * The trace of a port's vhost-user sessions: the last messages, kept for the question what happened before.
 *
 * <p>Session and channel threads write a trace, any thread reads it. Nothing here is on the way of a frame.
 */
@NullMarked
package io.ringbridge.control.trace;

import org.jspecify.annotations.NullMarked;
