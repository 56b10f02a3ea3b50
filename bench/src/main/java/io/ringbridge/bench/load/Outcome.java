package io.ringbridge.bench.load;

import org.HdrHistogram.Histogram;

/**
 * What came of a trial, all lanes together.
 *
 * @param load what was to be sent
 * @param sent frames that the back-end was given
 * @param received frames that came out, by some time after the last was sent
 * @param receivedInTime frames that came out while frames were sent
 * @param misordered frames that came after a later one of their flow, or twice
 * @param nanos how long frames were sent
 * @param latency from when a frame was to be sent until it was received, in nanoseconds; null if it was not asked for
 */
public record Outcome(Load load, long sent, long received, long receivedInTime, long misordered, long nanos, Histogram latency) {
    /** The share of a load's frames that has to have been sent for the load to have been what it was said to be. */
    private static final double KEPT = 0.99;

    /** Frames that never came out. */
    public long lost() {
        return sent - received;
    }

    /** Frames that went in, a second. */
    public double sentPerSecond() {
        return sent * 1e9 / nanos;
    }

    /** Frames that came out, a second. */
    public double receivedPerSecond() {
        return receivedInTime * 1e9 / nanos;
    }

    /** Whether the back-end took the load as fast as it was offered, and lost nothing. */
    public boolean isClean() {
        return lost() == 0 && (load.isSaturation() || sent >= KEPT * load.frames());
    }
}
