package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

/**
 * The result of an upgrade.
 *
 * @param pid the process ID of the new switch
 * @param ports the number of ports handed over
 * @param pauseMillis the time during which no frame moved; absent if the new process did not report it
 */
public record UpgradeView(long pid, int ports, @Nullable Double pauseMillis) {
}
