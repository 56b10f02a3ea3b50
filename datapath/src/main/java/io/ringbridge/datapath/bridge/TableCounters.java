package io.ringbridge.datapath.bridge;

import java.util.concurrent.atomic.AtomicLong;

/**
 * Counts of the changes of a forwarding table since the start, without those of static stations. Any thread may call.
 */
public final class TableCounters {
    private final AtomicLong learned = new AtomicLong();
    private final AtomicLong moved = new AtomicLong();
    private final AtomicLong evicted = new AtomicLong();
    private final AtomicLong aged = new AtomicLong();

    void learned() {
        learned.incrementAndGet();
    }

    void moved() {
        moved.incrementAndGet();
    }

    void evicted() {
        evicted.incrementAndGet();
    }

    void aged() {
        aged.incrementAndGet();
    }

    /** Returns the stations that were added because they were heard. */
    public long allLearned() {
        return learned.get();
    }

    /** Returns the moves of known stations to other ports. */
    public long allMoved() {
        return moved.get();
    }

    /** Returns the stations that were removed before their time, to make room for others. */
    public long allEvicted() {
        return evicted.get();
    }

    /** Returns the stations that were removed because they were silent for the ageing time. */
    public long allAged() {
        return aged.get();
    }
}
