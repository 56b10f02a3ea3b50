package io.ringbridge.control.transport;

/** A socket cannot be opened. The message is one line with the path, the reason, and what is allowed. */
public final class TransportException extends RuntimeException {
    TransportException(final String message) {
        super(message);
    }

    TransportException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
