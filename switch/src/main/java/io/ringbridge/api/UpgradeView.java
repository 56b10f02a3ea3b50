package io.ringbridge.api;

/**
 * What came of an upgrade.
 *
 * @param pid the process that has taken over
 * @param ports how many it has taken over
 * @param pauseMillis for how long no frame moved; absent where the new process did not say
 */
public record UpgradeView(long pid, int ports, Double pauseMillis) {
}
