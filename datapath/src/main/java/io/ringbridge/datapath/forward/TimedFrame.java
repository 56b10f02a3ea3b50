package io.ringbridge.datapath.forward;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The frame in a worker's frame ring whose latency is being measured; at most one at a time.
 *
 * <p>Any worker may set it before it publishes the frame; the owner of the ring clears it. An owner that finds the
 * frame published also finds its times, because the ring's publication orders them.
 */
final class TimedFrame {
    /** Stands for no frame. It is later than every sequence. */
    private static final long NONE = Long.MAX_VALUE;
    /** The sequence while a worker sets the times. */
    private static final long RESERVED = NONE - 1;

    private final AtomicLong sequence = new AtomicLong(NONE);
    private long taken;
    private long passed;

    /**
     * Sets the frame, unless another one is being measured. Called before the frame is published.
     *
     * @param sequenceInRing the frame's sequence in the owner's frame ring
     * @param takenAt the time of the poll that took the frame
     * @param passedAt the time of this call
     * @return whether the frame was set
     */
    boolean set(final long sequenceInRing, final long takenAt, final long passedAt) {
        if (!sequence.compareAndSet(NONE, RESERVED)) {
            return false;
        }
        taken = takenAt;
        passed = passedAt;
        sequence.setOpaque(sequenceInRing); // the frame's publication is the release
        return true;
    }

    /** Returns the frame's sequence. Without a frame, returns one that is later than every published sequence. */
    long sequence() {
        return sequence.getOpaque(); // the load of the last published sequence is the acquire
    }

    /** Returns the time of the poll that took the frame. Called by the owner once the frame is published. */
    long taken() {
        return taken;
    }

    /** Returns the time at which the frame was passed to the ring. Called by the owner once the frame is published. */
    long passed() {
        return passed;
    }

    /** Clears the frame. Called by the owner, after it has read the times. */
    void clear() {
        sequence.setRelease(NONE); // pairs with compareAndSet
    }
}
