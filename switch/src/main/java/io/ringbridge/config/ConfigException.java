package io.ringbridge.config;

/** A configuration that cannot be; the message is one line for the user and says where, what, and what is allowed. */
public final class ConfigException extends RuntimeException {
    public ConfigException(final String message) {
        super(message);
    }
}
