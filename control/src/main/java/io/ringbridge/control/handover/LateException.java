package io.ringbridge.control.handover;

/** The other process has not sent a record in time. It may still send it. */
public final class LateException extends HandOverException {
    public LateException(final String message) {
        super(message);
    }
}
