package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.Memory;
import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The state of a packed ring whose previous process has ended: its position and the chains in flight. It is read once
 * from the in-flight record, and checked.
 *
 * <p>The session creates it before the ring starts. Nothing is written until {@link #settle}.
 */
final class PackedRecovery {
    /** The result of {@link #descriptorsBeforeGap} if no front-end has used descriptors ahead of this position. */
    static final int NOT_PASSED = -1;

    /** The entries of each chain in flight, in order. The chains are in the order in which they were taken. */
    int[][] chains = {};
    /** The entry that follows each entry, in the free list or in a chain. The free list starts at {@link #freeHead}. */
    final int[] following;
    int freeHead;
    int used;
    boolean wrap;
    long counter;

    private final PackedInflight record;
    private final int size;
    private final long descriptors;
    private final boolean[] free;

    private PackedRecovery(final PackedInflight record, final int size, final long descriptors) {
        this.record = record;
        this.size = size;
        this.descriptors = descriptors;
        following = new int[size];
        free = new boolean[size];
    }

    /**
     * Reads a record.
     *
     * @param size the ring's number of descriptors
     * @param descriptors the address of the descriptor ring in this process
     * @return the state, or null if the record is not initialised or not consistent
     */
    static @Nullable PackedRecovery read(final PackedInflight record, final int size, final long descriptors) {
        final PackedRecovery found = new PackedRecovery(record, size, descriptors);
        final boolean valid = record.isInitialised() && found.readPosition() && found.readChains()
            && found.freePublishedChains();
        return valid ? found : null;
    }

    /**
     * Reads the position. The last batch counts as returned if its first descriptor was published, and as in flight if
     * not.
     */
    private boolean readPosition() {
        final long positions = record.positions();
        used = PackedInflight.oldUsedIdx(positions);
        wrap = PackedInflight.oldUsedWrap(positions);
        int head = record.oldFreeHead();
        final int now = PackedInflight.usedIdx(positions);
        final boolean nowWrap = PackedInflight.usedWrap(positions);
        if (used >= size || now >= size) {
            return false;
        }
        if ((used != now || wrap != nowWrap) && !Packed.isAvailable(flags(used), wrap)) {
            used = now;
            wrap = nowWrap;
            head = record.freeHead();
        }
        for (int n = 0; n < size && head < size; n++) {
            free[head] = true;
            head = record.next(head);
        }
        return true;
    }

    private boolean readChains() {
        final int[] marked = IntStream.range(0, size).filter(i -> !free[i] && record.isMarked(i)).toArray();
        final long[] counters = Arrays.stream(marked).mapToLong(record::counter).toArray();
        final int[] heads = InflightRegion.inOrder(marked, counters);
        final boolean[] taken = new boolean[size];
        int slots = 0;
        chains = new int[heads.length][];
        for (int i = 0; i < heads.length; i++) {
            counter = Math.max(counter, counters[i] + 1);
            final int count = record.num(heads[i]);
            slots += count;
            if (count == 0 || slots > size) {
                return false;
            }
            chains[i] = new int[count];
            int at = heads[i];
            for (int j = 0; j < count; j++) {
                if (at >= size || taken[at] || free[at]) {
                    return false;
                }
                taken[at] = true;
                chains[i][j] = at;
                at = record.next(at);
            }
            for (int j = 1; j < count; j++) {
                following[chains[i][j - 1]] = chains[i][j];
            }
        }
        freeHead = size;
        for (int i = size - 1; i >= 0; i--) {
            if (!taken[i]) {
                following[i] = freeHead;
                freeHead = i;
            }
        }
        return true;
    }

    /** Frees chains that the driver sees as used. Another process has used what comes before them. */
    private boolean freePublishedChains() {
        int published = 0;
        while (published < chains.length && isPublished(chains[published][0])) {
            final int[] chain = chains[published++];
            for (final int entry : chain) {
                free[entry] = true;
                following[entry] = freeHead;
                freeHead = entry;
            }
            final int next = used + chain.length;
            wrap ^= next >= size;
            used = next % size;
        }
        chains = Arrays.copyOfRange(chains, published, chains.length);
        return chains.length == 0 || !Packed.isUsed(flags(used), wrap);
    }

    /**
     * Whether a chain was published as used at this position. The driver may have made the descriptor available again.
     */
    private boolean isPublished(final int head) {
        final int flags = flags(used);
        return Packed.isAvailable(flags, !wrap) || Packed.isUsed(flags, wrap)
            && Memory.getLong(descriptors + (long) used * Descriptor.SIZE) == record.address(head);
    }

    private int flags(final int at) {
        return Memory.getShortAcquire(descriptors + (long) at * Descriptor.SIZE + Packed.FLAGS);
    }

    /**
     * Whether the ring can be the recorded one, rather than one that its driver has since set up anew. The chains in
     * flight must be in the ring as they were taken, and the ring must be older than a new one could be.
     *
     * @param from the earlier used position according to the front-end, as half of a base
     * @param to the present used position according to the front-end, as half of a base
     */
    boolean fits(final int from, final int to) {
        return chainsMatchRing() && (from == to ? isOlderThanNewRing(to) : allows(from, to));
    }

    /**
     * Whether the ring is older than a newly set up ring could be. A front-end gives a new ring its initial position.
     * While the front-end has no back-end, the new ring is in its first round and has no used descriptor. Unfilled
     * descriptors are blank.
     */
    private boolean isOlderThanNewRing(final int position) {
        return position != Packed.WRAP || used == 0 && wrap
            || IntStream.range(0, size).anyMatch(i -> !isBlank(i) && !Packed.isAvailable(flags(i), true));
    }

    /**
     * Whether the driver has never filled the descriptor. DPDK's driver writes an identifier even to a blank
     * descriptor.
     */
    private boolean isBlank(final int at) {
        return Memory.getLong(descriptors + (long) at * Descriptor.SIZE) == 0;
    }

    /**
     * Whether this position is possible if the front-end has moved by itself from one position to another. While a
     * front-end has no back-end, it returns descriptors that look available, from its own position on. That position
     * may be ahead of this one, among available chains. It may also be behind, where the rest of a chain looks
     * available; a device must then have used a descriptor between the two positions.
     */
    private boolean allows(final int from, final int to) {
        final int first = distance(from);
        final int end = distance(to);
        if (first < size) {
            return first < end && end <= size && Packed.isUsed(flagsAt(first), roundAt(first))
                && IntStream.range(0, first).allMatch(this::isFilled);
        }
        return end == 0 || first <= end && IntStream.range(end - 2 * size, 0).anyMatch(this::isUsedOrFilledAgain);
    }

    /** Returns the number of descriptors from this position to another, modulo two rounds. */
    private int distance(final int position) {
        final int there = (position & Packed.WRAP - 1) + ((position & Packed.WRAP) != 0 ? 0 : size);
        return Math.floorMod(there - used - (wrap ? 0 : size), 2 * size);
    }

    /**
     * Counts the available descriptors between the chains in flight and the first used descriptor after them. No device
     * has reached that descriptor in this round, so a front-end has used it.
     *
     * @return the number of descriptors, or {@link #NOT_PASSED} if no used descriptor follows
     */
    int descriptorsBeforeGap() {
        final int out = out();
        for (int n = out; n < size; n++) {
            final int flags = flagsAt(n);
            if (!Packed.isAvailable(flags, roundAt(n))) {
                return Packed.isUsed(flags, roundAt(n)) ? n - out : NOT_PASSED;
            }
        }
        return NOT_PASSED;
    }

    private int out() {
        return Arrays.stream(chains).mapToInt(chain -> chain.length).sum();
    }

    // The following methods take a distance from this position. It is less than a round and may be negative.

    private int flagsAt(final int distance) {
        return flags(Math.floorMod(used + distance, size));
    }

    private boolean roundAt(final int distance) {
        return (used + distance >= 0 && used + distance < size) == wrap;
    }

    private boolean isFilled(final int distance) {
        return (flagsAt(distance) & Packed.AVAIL) != 0 == roundAt(distance)
            && !isBlank(Math.floorMod(used + distance, size));
    }

    private boolean isUsedOrFilledAgain(final int distance) {
        return (flagsAt(distance) & Packed.USED) != 0 == roundAt(distance)
            && !isBlank(Math.floorMod(used + distance, size));
    }

    private boolean chainsMatchRing() {
        int at = used;
        boolean round = wrap;
        for (final int[] chain : chains) {
            for (final int entry : chain) {
                final long descriptor = descriptors + (long) at * Descriptor.SIZE;
                final int flags = flags(at);
                final boolean unchanged =
                    Packed.isAvailable(flags, round) && Memory.getLong(descriptor + 8) == record.word(entry);
                if (Memory.getLong(descriptor) != record.address(entry) || !unchanged && !Packed.isUsed(flags, round)) {
                    return false;
                }
                if (++at == size) {
                    at = 0;
                    round = !round;
                }
            }
        }
        return true;
    }

    /**
     * Makes the record and the ring agree. If the previous process ended while it wrote a batch, later descriptors of
     * the batch may be marked used although the first was not published. The driver would believe them on reaching
     * them, so their earlier contents are restored.
     *
     * @param log the log of the writes; may be null
     */
    void settle(final @Nullable RingLog log) {
        int at = used;
        boolean round = wrap;
        for (final int[] chain : chains) {
            for (final int entry : chain) {
                if (Packed.isUsed(flags(at), round)) {
                    restore(descriptors + (long) at * Descriptor.SIZE + 8, record.word(entry), log);
                }
                if (++at == size) {
                    at = 0;
                    round = !round;
                }
            }
        }
        for (int i = 0; i < size; i++) {
            if (free[i]) {
                record.unmark(i);
            }
        }
        for (int entry = freeHead; entry < size; entry = following[entry]) {
            record.next(entry, following[entry]);
        }
        record.freeHeads(freeHead, freeHead);
        record.positions(used, wrap, used, wrap);
        if (log != null) {
            log.signal();
        }
    }

    private static void restore(final long at, final long word, final @Nullable RingLog log) {
        Memory.putLongRelease(at, word);
        if (log != null) {
            DirtyLog.fence();
            log.descriptorWritten(at);
        }
    }
}
