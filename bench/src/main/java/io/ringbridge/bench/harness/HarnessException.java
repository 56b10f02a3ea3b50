package io.ringbridge.bench.harness;

/** A program around the switch failed, or did not respond in time. */
public final class HarnessException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public HarnessException(final String message) {
        super(message);
    }

    public HarnessException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
