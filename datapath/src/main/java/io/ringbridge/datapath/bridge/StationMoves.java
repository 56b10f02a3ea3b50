package io.ringbridge.datapath.bridge;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Counts of the moves of stations from one port to another, for display and diagnosis.
 *
 * <p>The table is small and lossy. A station whose entry belongs to another station is not counted until the other one
 * is {@linkplain #forget forgotten}. Workers write only when a station moves, which is rare. If two workers write at
 * the same time, a few moves may be missed.
 * <pre>
 *   entry  u64 key of the station, u64 bits 0-31 moves, bits 32-47 port it came from, bits 48-63 port it went to
 * </pre>
 */
public final class StationMoves {
    private static final int ENTRIES = 64;
    private static final int COUNT_BITS = 32;
    private static final int PORT_BITS = 16;
    private static final long COUNT_MASK = (1L << COUNT_BITS) - 1;
    private static final int PORT_MASK = (1 << PORT_BITS) - 1;

    private final AtomicLongArray entries = new AtomicLongArray(2 * ENTRIES);

    /** Receives stations that have moved. */
    @FunctionalInterface
    public interface Visitor {
        /**
         * Receives a station.
         *
         * @param key the station's key in the forwarding table
         * @param moves the number of moves since the station was last {@linkplain #forget forgotten}
         * @param from the port that the station last left
         * @param to the port that the station last moved to
         */
        void station(long key, long moves, int from, int to);
    }

    /** Counts a move. Any worker may call. */
    void count(final long key, final int from, final int to) {
        final int at = place(key);
        final long there = entries.getAcquire(at);
        if (there != key && there != 0) {
            return;
        }
        if (there == 0) {
            entries.setRelease(at, key);
        }
        final long moves = (entries.getOpaque(at + 1) & COUNT_MASK) + 1;
        entries.setRelease(at + 1,
            moves & COUNT_MASK | (long) from << COUNT_BITS | (long) to << COUNT_BITS + PORT_BITS);
    }

    private static int place(final long key) {
        return 2 * (int) (key * 0x9E37_79B9_7F4A_7C15L >>> Long.SIZE - Integer.numberOfTrailingZeros(ENTRIES));
    }

    /** Passes every counted station to a visitor. Any thread may call. */
    public void visit(final Visitor visitor) {
        for (int at = 0; at < 2 * ENTRIES; at += 2) {
            final long key = entries.getAcquire(at);
            final long moves = entries.getAcquire(at + 1);
            if (key != 0) {
                visitor.station(key, moves & COUNT_MASK, (int) (moves >>> COUNT_BITS) & PORT_MASK,
                    (int) (moves >>> COUNT_BITS + PORT_BITS) & PORT_MASK);
            }
        }
    }

    /** Removes a station that no longer moves, which frees the entry for another. Any thread may call. */
    public void forget(final long key) {
        final int at = place(key);
        if (entries.getAcquire(at) == key) {
            entries.setRelease(at + 1, 0);
            entries.setRelease(at, 0);
        }
    }
}
