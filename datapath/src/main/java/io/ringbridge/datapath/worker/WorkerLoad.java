package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.os.TimeStampCounter;
import io.ringbridge.datapath.port.MeasuredInterruptions;

import java.util.concurrent.atomic.AtomicLongArray;

/** The load of a worker. The worker writes without fences, so readings by other threads may lag by a cycle. */
final class WorkerLoad {
    private static final long STALL_NANOS = MeasuredInterruptions.SHORTEST;
    private static final double TICKS_PER_NANO = TimeStampCounter.hertz().orElse(0) / 1e9;
    private static final int BUSY = 0;
    private static final int IDLE = 1;
    private static final int POLLS = 2;
    private static final int TAKEN = 3;
    private static final int LONGEST = 4;
    private static final int STALLS = 5;
    /** The longest duty cycle of the present minute, and of the minute before. */
    private static final int PRESENT = 6;
    private static final int BEFORE = 7;
    private static final int COUNTERS = 8;
    private static final double NANOS_PER_SECOND = 1e9;

    private final AtomicLongArray totals = new AtomicLongArray(COUNTERS);
    private long cycleStart;
    private boolean lastWorked;
    private long reportedBusy;
    private long reportedIdle;
    private long reportedDelivered;

    /**
     * Starts a duty cycle, and records the duration of the one before.
     *
     * @return that duration if it was a stall, else 0
     */
    long beginCycle(final long start) {
        final long nanos = cycleStart == 0 ? 0 : start - cycleStart;
        cycleStart = start;
        add(lastWorked ? BUSY : IDLE, nanos);
        if (lastWorked && nanos > totals.getPlain(LONGEST)) {
            totals.setOpaque(LONGEST, nanos);
        }
        if (lastWorked && nanos > totals.getPlain(PRESENT)) {
            totals.setOpaque(PRESENT, nanos);
        }
        if (lastWorked && nanos > STALL_NANOS) {
            add(STALLS, 1);
            return nanos;
        }
        return 0;
    }

    /** Begins a minute. A worker that sleeps may be late. */
    void beginMinute() {
        totals.setOpaque(BEFORE, totals.getPlain(PRESENT));
        totals.setOpaque(PRESENT, 0);
    }

    /** Returns the counters. Any thread may call. */
    WorkerCounters counters(final int index, final long delivered) {
        return new WorkerCounters(index, totals.getOpaque(BUSY) / NANOS_PER_SECOND,
            totals.getOpaque(IDLE) / NANOS_PER_SECOND, totals.getOpaque(BUSY) * TICKS_PER_NANO, delivered,
            totals.getOpaque(POLLS), totals.getOpaque(TAKEN),
            Math.max(totals.getOpaque(PRESENT), totals.getOpaque(BEFORE)) / NANOS_PER_SECOND,
            totals.getOpaque(STALLS));
    }

    /** Returns the time at which this duty cycle started. */
    long cycleStart() {
        return cycleStart;
    }

    /** Ends a duty cycle, and records whether it found work. */
    void endCycle(final boolean worked) {
        lastWorked = worked;
    }

    /** Records a poll that found frames. */
    void recordPoll(final int frames) {
        add(POLLS, 1);
        add(TAKEN, frames);
    }

    private void add(final int counter, final long amount) {
        totals.setOpaque(counter, totals.getPlain(counter) + amount);
    }

    /**
     * Returns a reading. The share, the cycles per frame and the longest duty cycle cover the time since the last one.
     * Called by one thread at a time.
     */
    synchronized WorkerStatus status(final int index, final int cpu, final int queues, final long delivered) {
        final long busy = totals.getOpaque(BUSY);
        final long idle = totals.getOpaque(IDLE);
        final long span = Math.max(1, busy - reportedBusy + idle - reportedIdle);
        final double share = (double) (busy - reportedBusy) / span;
        final long frames = delivered - reportedDelivered;
        final double cyclesPerFrame = frames == 0 ? 0 : TICKS_PER_NANO * (busy - reportedBusy) / frames;
        reportedDelivered = delivered;
        reportedBusy = busy;
        reportedIdle = idle;
        final long longest = totals.getOpaque(LONGEST);
        totals.setOpaque(LONGEST, 0);
        return new WorkerStatus(index, cpu, queues, share, delivered, cyclesPerFrame,
            (double) totals.getOpaque(TAKEN) / Math.max(1, totals.getOpaque(POLLS)), longest, totals.getOpaque(STALLS));
    }
}
