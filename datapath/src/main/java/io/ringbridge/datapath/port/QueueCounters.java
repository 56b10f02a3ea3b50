package io.ringbridge.datapath.port;

import io.ringbridge.datapath.packet.FrameKinds;
import org.jspecify.annotations.Nullable;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.EnumMap;
import java.util.Map;

/**
 * The counters of one queue. The worker that owns the queue writes them, once per burst; any thread may read.
 *
 * <p>All accesses are opaque: a reading is never torn, and may be outdated. Readings of different counters need not
 * belong to the same moment.
 */
public final class QueueCounters {
    private static final VarHandle COUNT = MethodHandles.arrayElementVarHandle(long[].class);
    private static final DropReason[] REASONS = DropReason.values();
    private static final int FRAMES = 0;
    private static final int BYTES = 1;
    private static final int UNICASTS = 2;
    private static final int MULTICASTS = 3;
    private static final int BROADCASTS = 4;
    private static final int KICKS = 5;
    private static final int CALLS = 6;
    private static final int SUPPRESSED = 7;
    private static final int EARLIER_BYTES = 8;
    /** The index of the first class of length. */
    private static final int LENGTHS = 9;

    private final long[] counts = new long[LENGTHS + FrameKinds.LENGTHS];
    private final long[] drops = new long[REASONS.length];
    /** The reason for the last drop since {@link #forgetDrop}. Only the worker uses it. */
    private @Nullable DropReason lastDrop;

    /** Counts frames that were moved. */
    public void moved(final int moreFrames, final long moreBytes) {
        add(FRAMES, moreFrames);
        add(BYTES, moreBytes);
    }

    /**
     * Counts moved frames by their lengths.
     *
     * @param lengths the sum of their {@link FrameKinds#ofLength}
     */
    public void movedLengths(final long lengths) {
        long left = lengths;
        while (left != 0) { // a burst rarely has frames of more than two classes
            final int each = FrameKinds.lowestClass(left);
            add(LENGTHS + each, FrameKinds.count(left, each));
            left = FrameKinds.without(left, each);
        }
    }

    /**
     * Counts moved frames by their destinations. Unicasts have a counter of their own: a difference of two others would
     * fall at times, and be taken for the counter of a new process.
     *
     * @param destinations the sum of their {@link FrameKinds#ofDestination}
     */
    public void movedTo(final long frames, final long destinations) {
        long unicasts = frames;
        if (destinations != 0) {
            final long multicasts = FrameKinds.multicasts(destinations);
            final long broadcasts = FrameKinds.broadcasts(destinations);
            add(MULTICASTS, multicasts);
            add(BROADCASTS, broadcasts);
            unicasts -= multicasts + broadcasts;
        }
        add(UNICASTS, unicasts);
    }

    /** Counts a frame that was dropped. */
    public void dropped(final DropReason reason) {
        dropped(reason, 1);
    }

    /** Counts frames that were dropped. */
    public void dropped(final DropReason reason, final long frames) {
        COUNT.setOpaque(drops, reason.ordinal(), drops[reason.ordinal()] + frames);
        lastDrop = reason;
    }

    /** Forgets the last drop. On the worker's thread. */
    public void forgetDrop() {
        lastDrop = null;
    }

    /** Returns the reason for the last drop since {@link #forgetDrop}, or null. On the worker's thread. */
    public @Nullable DropReason lastDrop() {
        return lastDrop;
    }

    /** Counts a kick that the worker has received. */
    public void kicked() {
        add(KICKS, 1);
    }

    /** Counts a notification of the driver. */
    void called() {
        add(CALLS, 1);
    }

    /** Counts a notification that the driver did not want. */
    void callSuppressed() {
        add(SUPPRESSED, 1);
    }

    private void add(final int counter, final long more) {
        COUNT.setOpaque(counts, counter, counts[counter] + more);
    }

    private long get(final int counter) {
        return (long) COUNT.getOpaque(counts, counter);
    }

    /** Continues from a reading of one direction. On the worker's thread. */
    void continueFrom(final PortStatistics reading) {
        COUNT.setOpaque(counts, FRAMES, reading.inFrames() + reading.outFrames());
        COUNT.setOpaque(counts, BYTES, reading.inBytes() + reading.outBytes());
        COUNT.setOpaque(counts, EARLIER_BYTES, counts[BYTES]);
        reading.drops().forEach((reason, count) -> COUNT.setOpaque(drops, reason.ordinal(), (long) count));
    }

    /** Returns the frames moved. */
    public long frames() {
        return get(FRAMES);
    }

    /** Returns the Ethernet bytes moved. */
    public long bytes() {
        return get(BYTES);
    }

    /** Returns the dropped frames of a reason. */
    public long drops(final DropReason reason) {
        return (long) COUNT.getOpaque(drops, reason.ordinal());
    }

    /** Returns the dropped frames per reason. Reasons that never occurred are absent. */
    public Map<DropReason, Long> drops() {
        final Map<DropReason, Long> all = new EnumMap<>(DropReason.class);
        for (final DropReason reason : REASONS) {
            if (drops(reason) > 0) {
                all.put(reason, drops(reason));
            }
        }
        return all;
    }

    /** Returns the Ethernet bytes that this process has moved: those of {@link #lengths}. */
    public long ownBytes() {
        return get(BYTES) - get(EARLIER_BYTES);
    }

    /** Returns the frames that this process has moved, per class of {@link FrameKinds}. */
    public long[] lengths() {
        final long[] frames = new long[FrameKinds.LENGTHS];
        for (int i = 0; i < frames.length; i++) {
            frames[i] = get(LENGTHS + i);
        }
        return frames;
    }

    /** Returns the frames to unicast addresses that this process has moved. */
    public long unicasts() {
        return get(UNICASTS);
    }

    /** Returns the frames to multicast addresses that this process has moved, without broadcasts. */
    public long multicasts() {
        return get(MULTICASTS);
    }

    /** Returns the broadcasts that this process has moved. */
    public long broadcasts() {
        return get(BROADCASTS);
    }

    /** Returns the kicks that the worker has received. Several in quick succession count as one. */
    public long kicks() {
        return get(KICKS);
    }

    /** Returns the notifications of the driver. */
    public long calls() {
        return get(CALLS);
    }

    /** Returns the notifications that the driver did not want. */
    public long suppressedCalls() {
        return get(SUPPRESSED);
    }
}
