package io.ringbridge.api;

/** The operations of the API on the configuration. Any thread may call. */
public interface ConfigControl {
    /** Returns the configuration in force. */
    ConfigView view();
}
