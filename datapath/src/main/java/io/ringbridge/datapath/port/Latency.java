package io.ringbridge.datapath.port;

import org.HdrHistogram.AtomicHistogram;
import org.HdrHistogram.Histogram;

import java.util.concurrent.TimeUnit;

/**
 * The latency of the sampled frames that one queue has received.
 *
 * <p>Only the worker that owns the queue records, without allocating or waiting. Any thread may read: the counts are
 * atomic, so a reader neither disturbs the worker nor misses a sample that was recorded before.
 */
public final class Latency {
    /** The longest time that is recorded. Longer ones count as this one. */
    private static final long MOST = TimeUnit.MINUTES.toNanos(1);
    /** A precision of 1 %, for which a histogram takes 30 KiB. */
    private static final int DIGITS = 2;

    private final AtomicHistogram total = new AtomicHistogram(MOST, DIGITS);
    private final AtomicHistogram inFrameRing = new AtomicHistogram(MOST, DIGITS);

    /** Returns an empty histogram of the kind that a reading consists of. */
    static Histogram empty() {
        return new Histogram(MOST, DIGITS);
    }

    /**
     * Records a frame.
     *
     * @param nanos the time from the poll that took the frame until its used buffer was published
     * @param nanosInFrameRing the part of that time which the frame spent in a frame ring
     */
    public void record(final long nanos, final long nanosInFrameRing) {
        total.recordValue(Math.clamp(nanos, 0, MOST));
        inFrameRing.recordValue(Math.clamp(nanosInFrameRing, 0, MOST));
    }

    /** Adds what was recorded to a reading. Any thread may call. */
    void addTo(final LatencyReading reading) {
        reading.total().add(total);
        reading.inFrameRing().add(inFrameRing);
    }
}
