/**
 * The trace of a port's vhost-user sessions: the last messages, which explain a failure after the event.
 *
 * <p>The threads of sessions and channels write a trace, and any thread reads it. No frame passes here.
 */
@NullMarked
package io.ringbridge.control.trace;

import org.jspecify.annotations.NullMarked;
