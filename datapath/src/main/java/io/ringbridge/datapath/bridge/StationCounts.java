package io.ringbridge.datapath.bridge;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * The numbers of stations in a forwarding table, in total and per port, and the counts of its changes.
 *
 * <p>Any thread may call. Each change of the table is counted once, by the thread that has made it, soon after it: a
 * number may be out of date by the changes that are in progress.
 */
final class StationCounts {
    private final AtomicInteger size = new AtomicInteger();
    private final AtomicIntegerArray perPort;
    private final StationMoves moves = new StationMoves();
    private final TableCounters counters = new TableCounters();

    /** Creates counts of an empty table for that many ports. */
    StationCounts(final int ports) {
        perPort = new AtomicIntegerArray(ports);
    }

    /** Returns the number of stations. */
    int size() {
        return size.get();
    }

    /** Returns the number of stations of a port. */
    int of(final int port) {
        return perPort.get(port);
    }

    StationMoves moves() {
        return moves;
    }

    TableCounters counters() {
        return counters;
    }

    /** Counts a station of a port in a slot that was free. */
    void added(final int port) {
        size.incrementAndGet();
        perPort.incrementAndGet(port);
    }

    /** Counts the removal of a station of a port. */
    void removed(final int port) {
        size.decrementAndGet();
        perPort.decrementAndGet(port);
    }

    /** Counts that a slot changed from one port's station to another's. The two may be the same. */
    void replaced(final int from, final int to) {
        perPort.decrementAndGet(from);
        perPort.incrementAndGet(to);
    }

    /** Counts that a known station was heard on another port. */
    void moved(final long key, final int from, final int to) {
        moves.count(key, from, to);
        counters.moved();
    }

    /** Counts that a station had to leave, because it was silent for too long or to make room. */
    void left(final boolean aged) {
        if (aged) {
            counters.aged();
        } else {
            counters.evicted();
        }
    }
}
