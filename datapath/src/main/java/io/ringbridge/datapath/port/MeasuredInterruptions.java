package io.ringbridge.datapath.port;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The latest interruptions of one queue with one cause, as the queue's worker has measured them. Only those of at least
 * {@link #SHORTEST} are kept.
 *
 * <p>The worker records without allocating or waiting. Any thread may read. An entry is two numbers:
 * <pre>
 *   start, length | start, length | ...        count: the number of entries written so far
 * </pre>
 * The worker stores both numbers before the count, all with release semantics. A reader loads the count before and
 * after the entries, all with acquire semantics, and leaves out those that the worker may have overwritten meanwhile.
 */
public final class MeasuredInterruptions {
    /** The shortest interruption that is recorded, in nanoseconds: that of a worker's stall. */
    public static final long SHORTEST = 10_000_000;

    private static final int ENTRIES = 64;
    private static final int FIELDS = 2;

    private final InterruptionCause cause;
    private final AtomicLongArray entries = new AtomicLongArray(ENTRIES * FIELDS);
    private final AtomicLong count = new AtomicLong();

    MeasuredInterruptions(final InterruptionCause cause) {
        this.cause = cause;
    }

    /**
     * Records an interruption, if it is long enough. Called by the worker that owns the queue.
     *
     * @param start in nanoseconds of the worker's clock
     * @param nanos the length
     */
    public void record(final long start, final long nanos) {
        if (nanos < SHORTEST) {
            return;
        }
        final long next = count.getPlain();
        final int slot = (int) (next % ENTRIES) * FIELDS;
        entries.setRelease(slot, start);
        entries.setRelease(slot + 1, nanos);
        count.setRelease(next + 1);
    }

    /** Returns the latest interruptions, the oldest first. */
    List<Interruption> list() {
        final long end = count.getAcquire();
        final List<Interruption> read = new ArrayList<>();
        final long first = Math.max(0, end - ENTRIES);
        for (long i = first; i < end; i++) {
            final int slot = (int) (i % ENTRIES) * FIELDS;
            read.add(new Interruption(cause, entries.getAcquire(slot), entries.getAcquire(slot + 1), false));
        }
        final long intact = count.getAcquire() - ENTRIES + 1; // the entry before may be half overwritten
        return read.subList(Math.clamp(intact - first, 0, read.size()), read.size());
    }
}
