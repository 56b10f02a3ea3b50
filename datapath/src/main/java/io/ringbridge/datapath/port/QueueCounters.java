package io.ringbridge.datapath.port;

import io.ringbridge.datapath.packet.FrameKinds;

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
    private static final int MULTICASTS = 2;
    private static final int BROADCASTS = 3;
    private static final int KICKS = 4;
    private static final int CALLS = 5;
    private static final int SUPPRESSED = 6;
    private static final int EARLIER_FRAMES = 7;
    private static final int EARLIER_BYTES = 8;
    /** The index of the first class of length. */
    private static final int LENGTHS = 9;

    private final long[] counts = new long[LENGTHS + FrameKinds.LENGTHS];
    private final long[] drops = new long[REASONS.length];

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
     * Counts moved frames by their destinations.
     *
     * @param destinations the sum of their {@link FrameKinds#ofDestination}
     */
    public void movedToGroups(final long destinations) {
        if (destinations != 0) {
            add(MULTICASTS, FrameKinds.multicasts(destinations));
            add(BROADCASTS, FrameKinds.broadcasts(destinations));
        }
    }

    /** Counts a frame that was dropped. */
    public void dropped(final DropReason reason) {
        dropped(reason, 1);
    }

    /** Counts frames that were dropped. */
    public void dropped(final DropReason reason, final long frames) {
        COUNT.setOpaque(drops, reason.ordinal(), drops[reason.ordinal()] + frames);
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
        COUNT.setOpaque(counts, EARLIER_FRAMES, counts[FRAMES]);
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
        final long groups = get(MULTICASTS) + get(BROADCASTS); // first: a frame may be moved in between
        return Math.max(0, get(FRAMES) - get(EARLIER_FRAMES) - groups);
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
