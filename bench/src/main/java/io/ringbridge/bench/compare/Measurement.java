package io.ringbridge.bench.compare;

import java.util.Locale;

/**
 * The result of one run.
 *
 * @param rate          frames per second, both directions together; bits per second for bulk loads
 * @param lastToFirst   the ratio of the rate at the end of the run to the rate at its start; lost frames of a closed
 * loop lower it
 * @param disturbed     the share of the time in which a thread waited for a processor because other programs ran
 * @param nearestNanos  the shortest measured round trip of a cache line between the two processors; infinite if there
 * was none
 * @param farthestNanos the longest measured round trip, minus infinity if there was none; much longer than the shortest
 * if the host moved the processors during the run
 * @param circulating   frames in the loop when it was stopped
 * @param lost          frames that were sent and never received
 */
record Measurement(double rate, double lastToFirst, double disturbed, double nearestNanos, double farthestNanos,
    long circulating, long lost) {
    /** Returns a progress line for the console. */
    String text(final Kind kind) {
        return String.format(Locale.ROOT,
            "%.2f %s, end to start %.2f, disturbed %.2f, processors %.0f to %.0f ns apart, %d circulating, %d lost",
            rate / kind.unit(), kind.unitTitle(), lastToFirst, disturbed, nearestNanos, farthestNanos, circulating,
            lost);
    }
}
