package io.ringbridge.control.handover;

/** The other process has not said in time what it was to say; it may still do so. */
public final class LateException extends HandOverException {
    public LateException(final String message) {
        super(message);
    }
}
