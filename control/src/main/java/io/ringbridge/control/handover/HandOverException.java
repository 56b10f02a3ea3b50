package io.ringbridge.control.handover;

/** A hand-over cannot go on; the message is one line that says why. What was served before goes on as it was. */
public sealed class HandOverException extends RuntimeException permits LateException {
    public HandOverException(final String message) {
        super(message);
    }

    public HandOverException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
