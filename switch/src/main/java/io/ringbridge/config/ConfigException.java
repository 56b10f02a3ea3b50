package io.ringbridge.config;

/** A configuration that cannot be; the message is one line for the user and says where, what, and what is allowed. */
public final class ConfigException extends RuntimeException {
    private final boolean conflict;

    /** Makes a mistake of the configuration's own. */
    public ConfigException(final String message) {
        this(message, false);
    }

    private ConfigException(final String message, final boolean conflict) {
        super(message);
        this.conflict = conflict;
    }

    /** Makes the refusal of something that another part of the configuration has. */
    static ConfigException conflict(final String message) {
        return new ConfigException(message, true);
    }

    /** Whether it would be right if something else were not there already. */
    public boolean isConflict() {
        return conflict;
    }
}
