package io.ringbridge.app;

/** The switch could not do what it was to do; the message is one line for the user. */
public final class SwitchException extends RuntimeException {
    public SwitchException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
