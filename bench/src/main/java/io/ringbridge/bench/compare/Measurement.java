package io.ringbridge.bench.compare;

import java.util.Locale;

/**
 * One run.
 *
 * @param rate            frames a second, both directions together; of bulk, bits a second
 * @param lastToFirst     the rate at the end of the run to that at its start: falls with the frames that a closed loop loses
 * @param disturbed      the share of the time in which somebody waited for a processor, because others ran beside the measurement
 * @param nearestNanos   the shortest way of a cache line between the two processors and back, of those measured; infinite if none
 * @param farthestNanos  the longest, minus infinity if none: if the two differ, the processors were moved during the run
 * @param circulating     frames in the loop when it was stopped
 * @param lost            frames sent and never received
 */
record Measurement(double rate, double lastToFirst, double disturbed, double nearestNanos, double farthestNanos,
    long circulating, long lost) {
    /** For people who wait. */
    String text(final Kind kind) {
        return String.format(Locale.ROOT,
            "%.2f %s, end to start %.2f, disturbed %.2f, processors %.0f to %.0f ns apart, %d circulating, %d lost",
            rate / kind.unit(), kind.unitTitle(), lastToFirst, disturbed, nearestNanos, farthestNanos, circulating, lost);
    }
}
