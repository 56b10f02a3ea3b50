package io.ringbridge.datapath.memory;

/** The memory that a front-end offers cannot be used. The message names the region, the reason, and the rule. */
public final class MemoryException extends RuntimeException {
    public MemoryException(final String message) {
        super(message);
    }

    public MemoryException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
