package io.ringbridge.app;

/**
 * The result of a hand-over.
 *
 * @param pid the process ID of the new switch
 * @param ports the number of ports handed over
 * @param nanos the time during which no frame moved; -1 if unknown
 */
public record HandOverResult(long pid, int ports, long nanos) {
}
