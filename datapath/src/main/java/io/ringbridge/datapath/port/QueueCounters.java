package io.ringbridge.datapath.port;

import org.jspecify.annotations.Nullable;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.EnumMap;
import java.util.Map;

/** The counters of one queue. The worker that owns the queue writes them, once per burst; any thread may read. */
public final class QueueCounters {
    private static final VarHandle FRAMES;
    private static final VarHandle BYTES;
    private static final VarHandle DROPS = MethodHandles.arrayElementVarHandle(long[].class);
    private static final DropReason[] REASONS = DropReason.values();

    static {
        try {
            final MethodHandles.Lookup lookup = MethodHandles.lookup();
            FRAMES = lookup.findVarHandle(QueueCounters.class, "frames", long.class);
            BYTES = lookup.findVarHandle(QueueCounters.class, "bytes", long.class);
        } catch (final ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private long frames;
    private long bytes;
    private final long[] drops = new long[REASONS.length];
    /** The reason for the last drop since {@link #forgetDrop}. Only the worker uses it. */
    private @Nullable DropReason lastDrop;

    /** Counts frames that were moved. */
    public void moved(final int moreFrames, final long moreBytes) {
        FRAMES.setOpaque(this, frames + moreFrames);
        BYTES.setOpaque(this, bytes + moreBytes);
    }

    /** Counts a frame that was dropped. */
    public void dropped(final DropReason reason) {
        dropped(reason, 1);
    }

    /** Counts frames that were dropped. */
    public void dropped(final DropReason reason, final long frames) {
        DROPS.setOpaque(drops, reason.ordinal(), drops[reason.ordinal()] + frames);
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

    /** Continues from a reading of one direction. On the worker's thread. */
    void continueFrom(final PortStatistics reading) {
        FRAMES.setOpaque(this, reading.inFrames() + reading.outFrames());
        BYTES.setOpaque(this, reading.inBytes() + reading.outBytes());
        reading.drops().forEach((reason, count) -> DROPS.setOpaque(drops, reason.ordinal(), (long) count));
    }

    /** Returns the frames moved. */
    public long frames() {
        return (long) FRAMES.getOpaque(this);
    }

    /** Returns the Ethernet bytes moved. */
    public long bytes() {
        return (long) BYTES.getOpaque(this);
    }

    /** Returns the dropped frames per reason. Reasons that never occurred are absent. */
    public Map<DropReason, Long> drops() {
        final Map<DropReason, Long> counts = new EnumMap<>(DropReason.class);
        for (final DropReason reason : REASONS) {
            final long count = (long) DROPS.getOpaque(drops, reason.ordinal());
            if (count > 0) {
                counts.put(reason, count);
            }
        }
        return counts;
    }
}
