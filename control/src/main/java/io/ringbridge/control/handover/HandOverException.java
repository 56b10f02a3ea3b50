package io.ringbridge.control.handover;

/** A hand-over cannot go on; the message is one line that says why. What was served before goes on as it was. */
public final class HandOverException extends RuntimeException {
    public HandOverException(final String message) {
        super(message);
    }

    public HandOverException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
