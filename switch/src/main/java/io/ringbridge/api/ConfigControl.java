package io.ringbridge.api;

import java.util.Map;

/** The operations of the API on the configuration. Any thread may call. */
public interface ConfigControl {
    /** Returns the configuration in force. */
    ConfigView view();

    /**
     * Changes {@code workers}, {@code cpus} and {@code poll}.
     *
     * @param spec a JSON object with the keys to change, or {@code key=value,...}
     * @return the changes by key; keys that already had the value are absent
     * @throws ApiException if a running switch cannot adopt a key; nothing is changed
     * @throws io.ringbridge.config.ConfigException if a value is not allowed; nothing is changed
     */
    Map<String, KeyChange> change(String spec);

    /**
     * Reads the configuration file again, and applies the difference between it and what runs.
     *
     * @throws ApiException if there is no file, or if the difference cannot be applied; nothing is changed
     * @throws io.ringbridge.config.ConfigException if the file is wrong; nothing is changed
     */
    ReloadView reload(ReloadOptions options);

    /**
     * Writes the ports, {@code workers}, {@code cpus} and {@code poll} to the configuration file, except what options
     * of the command line set.
     *
     * @throws ApiException if there is no file
     * @throws io.ringbridge.config.ConfigException if the file is wrong or cannot be written; it is unchanged then
     */
    void persist();
}
