package io.ringbridge.config;

import org.jspecify.annotations.Nullable;

/** An invalid configuration. The message is one line for the user: the place, the value, and what is allowed. */
public final class ConfigException extends RuntimeException {
    private final boolean conflict;
    private final @Nullable Fault fault;

    /** Creates an exception about the whole of a text. */
    public ConfigException(final String message) {
        this(message, false, null);
    }

    /** Creates an exception about a key. */
    public ConfigException(final String message, final Fault fault) {
        this(message, false, fault);
    }

    private ConfigException(final String message, final boolean conflict, final @Nullable Fault fault) {
        super(message);
        this.conflict = conflict;
        this.fault = fault;
    }

    /**
     * The key in error.
     *
     * @param key its path, such as {@code ports[0].mtu}
     * @param value null if the key is absent or unknown, or its value is not a scalar
     * @param allowed the values that are allowed, in words; null if the message alone explains the error
     */
    public record Fault(String key, @Nullable String value, @Nullable String allowed) {
    }

    /** Creates an exception for a value that is valid by itself, but already in use elsewhere in the configuration. */
    static ConfigException conflict(final String message, final Fault fault) {
        return new ConfigException(message, true, fault);
    }

    /** Whether the value is valid by itself, but already in use elsewhere. */
    public boolean isConflict() {
        return conflict;
    }

    /** Returns the key in error, or null if the error is in no particular key. */
    public @Nullable Fault fault() {
        return fault;
    }
}
