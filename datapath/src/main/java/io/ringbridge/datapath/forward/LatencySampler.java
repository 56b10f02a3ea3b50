package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import org.jspecify.annotations.Nullable;

import java.util.function.LongSupplier;

/**
 * Chooses the frames whose latency is measured: every {@code interval}-th frame that a worker takes, and at most one
 * per burst. A frame that is dropped or flooded cannot be measured; a frame of the next burst takes its place.
 *
 * <p>Owned by one worker. It costs one branch per burst, and one per frame that is passed to another worker.
 */
public final class LatencySampler {
    private final long interval;
    private final LongSupplier nanoClock;
    /** The number of frames up to the one that is chosen next. With sampling off, it does not reach zero. */
    private long left;
    private @Nullable Frame chosen;
    private long sequence;
    private long taken;

    /**
     * Creates a sampler.
     *
     * @param interval the number of frames per sample, or 0 to choose none
     */
    public LatencySampler(final int interval, final LongSupplier nanoClock) {
        this.interval = interval;
        this.nanoClock = nanoClock;
        left = interval == 0 ? Long.MAX_VALUE : interval;
    }

    /** Counts the frames of a burst that is about to be taken, and chooses one if a sample is due. */
    void count(final FrameRing frames, final long first, final int frameCount) {
        left -= frameCount;
        if (left <= 0) {
            sequence = first + Math.floorMod(left - 1, frameCount);
            chosen = frames.get(sequence);
            taken = nanoClock.getAsLong();
        }
    }

    /** Whether a frame of the current burst is the chosen one. */
    boolean isChosen(final Frame frame) {
        return frame == chosen;
    }

    /**
     * Has the chosen frame measured in another worker's frame ring, unless it is flooded. Called before it is
     * published.
     */
    void passed(final TimedFrame timed, final Frame frame, final long sequenceInRing) {
        if (frame.verdict() == Frame.Verdict.UNICAST) {
            begin(timed, sequenceInRing);
        }
    }

    /** Has the chosen frame measured in the worker's own frame ring, if it is there. Called before it is published. */
    void endBurst(final TimedFrame timed) {
        if (chosen != null) {
            if (chosen.verdict() == Frame.Verdict.UNICAST) {
                begin(timed, sequence);
            }
            if (left <= 0) {
                left--; // a frame at another place of the next burst, in case all bursts are alike
            }
            chosen = null;
        }
    }

    private void begin(final TimedFrame timed, final long sequenceInRing) {
        if (timed.set(sequenceInRing, taken, nanoClock.getAsLong())) {
            left = Math.max(1, left + interval);
            chosen = null;
        }
    }
}
