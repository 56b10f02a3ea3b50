package io.ringbridge.bench.load;

import io.ringbridge.bench.trial.ThreadTimes;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

import java.util.List;

/**
 * The result of a trial, all lanes together.
 *
 * @param load the load of the trial
 * @param sent frames given to the back-end
 * @param received frames received, including those that arrived after the last frame was sent
 * @param receivedInTime frames received before the end of sending
 * @param misordered frames that arrived twice, or after a later frame of their flow
 * @param nanos the duration of sending
 * @param latency times from when a frame was due until it was received, in nanoseconds; null if they were not recorded
 * @param seconds the same, of the frames received in each second of the trial; empty if they were not recorded
 * @param threads the scheduling of each thread of the load
 */
public record Outcome(Load load, long sent, long received, long receivedInTime, long misordered, long nanos,
    @Nullable Histogram latency, List<Histogram> seconds, List<ThreadTimes> threads) {
    /** The share of a load's frames that may be lost before the load exceeds what the back-end can carry. */
    private static final double MAX_LOST_SHARE = 0.01;
    /** The share of a load's frames that must be sent for the trial to count as one at the offered rate. */
    private static final double MIN_SENT_SHARE = 0.99;

    /** Returns the number of frames that were sent and not received. */
    public long lost() {
        return sent - received;
    }

    /** Returns the frames sent per second. */
    public double sentPerSecond() {
        return sent * 1e9 / nanos;
    }

    /** Returns the frames received per second. */
    public double receivedPerSecond() {
        return receivedInTime * 1e9 / nanos;
    }

    /** Whether the back-end accepted the load as fast as it was offered, and lost no frame. */
    public boolean isClean() {
        return lost() == 0 && (load.isSaturation() || sent >= MIN_SENT_SHARE * load.frames());
    }

    /**
     * Whether the load exceeds what the back-end can carry, so that latencies are those of queues that grow until the
     * end of the trial: less than 99 % of the frames could be sent in time, or more than 1 % were lost.
     */
    public boolean isOverloaded() {
        return !load.isSaturation() && sent < MIN_SENT_SHARE * load.frames() || lost() > MAX_LOST_SHARE * sent;
    }
}
