package io.ringbridge.control.handover;

/** A hand-over failed. The message gives the reason in one line. The old process keeps serving. */
public sealed class HandOverException extends RuntimeException permits LateException {
    public HandOverException(final String message) {
        super(message);
    }

    public HandOverException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
