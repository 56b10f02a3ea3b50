package io.ringbridge.app.diagnosis;

import io.ringbridge.app.diagnosis.Finding.Kind;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.packet.MacAddress;
import org.jspecify.annotations.Nullable;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;

/**
 * Finds addresses that keep moving between two ports, which happens if two guests have the same address. Owned by one
 * thread.
 *
 * <p>A guest that migrates moves once, and once more if the migration fails. A guest with two ports moves once per
 * fail-over between them.
 */
final class MovingStations {
    static final int WINDOW_SECONDS = 10;
    private static final long WINDOW_NANOS = TimeUnit.SECONDS.toNanos(WINDOW_SECONDS);
    /** More than the moves of a migration there and back, including its announcements. */
    private static final int MOST = 4;

    private final Map<Long, Track> tracks = new HashMap<>();

    /** The recent moves of a station. */
    private static final class Track {
        /** Pairs of a time within the window and the number of moves until then. */
        private final Deque<long[]> counts = new ArrayDeque<>();
        private int from;
        private int to;
        private boolean seen;
    }

    /**
     * Records the number of moves of a station. Called for every station that has moved, before {@link #findings}.
     *
     * @param nanos the current time
     * @return whether the station has not moved before within the window
     */
    boolean record(final long key, final long moves, final int from, final int to, final long nanos) {
        final Track track = tracks.computeIfAbsent(key, _ -> new Track());
        final boolean isFirst = track.counts.isEmpty();
        if (isFirst) {
            track.counts.add(new long[] {nanos - 1, 0});
        }
        track.counts.add(new long[] {nanos, moves});
        track.from = from;
        track.to = to;
        track.seen = true;
        return isFirst;
    }

    /** Returns the number of moves of a station within the window. */
    private static long recent(final Track track, final long nanos) {
        while (track.counts.size() > 1 && nanos - track.counts.getFirst()[0] > WINDOW_NANOS) {
            track.counts.removeFirst();
        }
        return track.counts.getLast()[1] - track.counts.getFirst()[1];
    }

    /**
     * Returns the current problems.
     *
     * @param names returns the name of a port by its index, or null if the port was removed
     * @param nanos the current time
     * @return the findings by the name of the port
     */
    Map<String, Finding> findings(final IntFunction<@Nullable String> names, final long nanos) {
        final Map<String, Finding> findings = new HashMap<>();
        tracks.values().removeIf(track -> !track.seen);
        for (final Map.Entry<Long, Track> entry : tracks.entrySet()) {
            final Track track = entry.getValue();
            track.seen = false;
            final long moves = recent(track, nanos);
            final String from = names.apply(track.from);
            final String to = names.apply(track.to);
            if (moves > MOST && from != null && to != null) {
                final Finding finding = new Finding(Kind.ADDRESS_MOVES, text(entry.getKey(), from, to, moves));
                findings.putIfAbsent(from, finding);
                findings.putIfAbsent(to, finding);
            }
        }
        return findings;
    }

    /** Returns a station's address and VLAN. */
    static String name(final long key) {
        final int vlan = ForwardingTable.vlan(key);
        return MacAddress.format(key >>> 12) + (vlan == 0 ? "" : " in VLAN " + vlan);
    }

    private static String text(final long key, final String from, final String to, final long moves) {
        final boolean inOrder = from.compareTo(to) < 0;
        return name(key) + " moves between "
            + (inOrder ? from : to) + " and " + (inOrder ? to : from) + " (" + moves + " times in " + WINDOW_SECONDS
            + " s): do two guests use this address?";
    }

    /**
     * Removes the stations that have not moved within the window. They need not be recorded again before they move.
     *
     * @return the keys of these stations
     */
    Set<Long> removeSettled(final long nanos) {
        final Set<Long> settled = new HashSet<>();
        for (final Iterator<Map.Entry<Long, Track>> all = tracks.entrySet().iterator(); all.hasNext();) {
            final Map.Entry<Long, Track> entry = all.next();
            if (recent(entry.getValue(), nanos) == 0) {
                settled.add(entry.getKey());
                all.remove();
            }
        }
        return settled;
    }
}
