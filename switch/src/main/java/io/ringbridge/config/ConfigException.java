package io.ringbridge.config;

/** An invalid configuration. The message is one line for the user: the place, the value, and what is allowed. */
public final class ConfigException extends RuntimeException {
    private final boolean conflict;

    public ConfigException(final String message) {
        this(message, false);
    }

    private ConfigException(final String message, final boolean conflict) {
        super(message);
        this.conflict = conflict;
    }

    /** Creates an exception for a value that is valid by itself, but already in use elsewhere in the configuration. */
    static ConfigException conflict(final String message) {
        return new ConfigException(message, true);
    }

    /** Whether the value is valid by itself, but already in use elsewhere. */
    public boolean isConflict() {
        return conflict;
    }
}
