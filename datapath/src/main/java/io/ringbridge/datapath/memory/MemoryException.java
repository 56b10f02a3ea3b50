package io.ringbridge.datapath.memory;

/** Memory that a front-end offers cannot be used; the message says which region, why, and what is allowed. */
public final class MemoryException extends RuntimeException {
    public MemoryException(final String message) {
        super(message);
    }

    public MemoryException(final String message, final Throwable cause) {
        super(message, cause);
    }
}
