package io.ringbridge.app;

/** An operation of the switch that failed; the message is one line for the user. */
public final class SwitchException extends RuntimeException {
    public SwitchException(final String message) {
        super(message);
    }

    public SwitchException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
