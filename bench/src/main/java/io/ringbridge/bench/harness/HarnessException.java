package io.ringbridge.bench.harness;

/** Something around the switch did not do what was asked of it, or not in time. */
public final class HarnessException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public HarnessException(final String message) {
        super(message);
    }

    public HarnessException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
