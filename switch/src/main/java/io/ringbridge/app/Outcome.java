package io.ringbridge.app;

/**
 * What came of a hand-over.
 *
 * @param pid the process that has taken over
 * @param ports how many it has taken over
 * @param nanos for how long no frame moved; -1 where it is not known
 */
public record Outcome(long pid, int ports, long nanos) {
}
