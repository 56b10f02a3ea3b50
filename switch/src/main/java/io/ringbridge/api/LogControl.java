package io.ringbridge.api;

/** The operations of the API on the log. Any thread may call. */
public interface LogControl {
    /** Returns the levels. */
    LogLevelsView levels();

    /**
     * Changes levels, all of them or none.
     *
     * @param change a JSON object as for {@link io.ringbridge.config.LogLevels#parse}
     * @return the levels after the change
     * @throws io.ringbridge.config.ConfigException if the change is malformed
     */
    LogLevelsView change(String change);
}
