package io.ringbridge.bench.machine;

/**
 * A measurement failed: a program or a file that it needs, or a back-end that does not respond in time. The message is
 * for the user.
 */
public final class BenchException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public BenchException(final String message) {
        super(message);
    }

    public BenchException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
