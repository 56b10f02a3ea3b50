package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.Memory;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * What the record of a packed ring says after the process that kept it has ended, read once and checked: where the ring stands, and
 * which chains are out.
 *
 * <p>Made by the session before the ring starts. Nothing is written until {@link #settle}.
 */
final class PackedRecovery {
    /** As what {@link #passedBy} says: by nobody. */
    static final int NOT_PASSED = -1;

    /** Each chain that is out, in the order they were taken: its entries, in order. */
    int[][] chains = {};
    /** The next entry of each that is free, or in a chain; {@link #freeHead} is the first that is free. */
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
     * @param size of the ring
     * @param descriptors where the ring is
     * @return null where it is not initialised, or makes no sense
     */
    static PackedRecovery read(final PackedInflight record, final int size, final long descriptors) {
        final PackedRecovery found = new PackedRecovery(record, size, descriptors);
        return record.isInitialised() && found.readPosition() && found.readChains() && found.leaveOutWhatIsShown() ? found : null;
    }

    /** Takes the last batch as given back if the driver has been shown its first descriptor, and else as never given back. */
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

    /** Takes chains as given back that the driver has been shown all the same: what comes before them was used by another. */
    private boolean leaveOutWhatIsShown() {
        int shown = 0;
        while (shown < chains.length && isShown(chains[shown][0])) {
            final int[] chain = chains[shown++];
            for (final int entry : chain) {
                free[entry] = true;
                following[entry] = freeHead;
                freeHead = entry;
            }
            final int next = used + chain.length;
            wrap ^= next >= size;
            used = next % size;
        }
        chains = Arrays.copyOfRange(chains, shown, chains.length);
        return chains.length == 0 || !Packed.isUsed(flags(used), wrap);
    }

    /** Whether the driver has been shown a chain as used at this position, and may have made the descriptor available again. */
    private boolean isShown(final int head) {
        final int flags = flags(used);
        return Packed.isAvailable(flags, !wrap)
            || Packed.isUsed(flags, wrap) && Memory.getLong(descriptors + (long) used * Descriptor.SIZE) == record.address(head);
    }

    private int flags(final int at) {
        return Memory.getShortAcquire(descriptors + (long) at * Descriptor.SIZE + Packed.FLAGS);
    }

    /**
     * Whether the ring can be the one that was recorded, and is not, say, one that its driver has since made anew: it is older than that
     * could be, and the chains that are out are there as they were taken.
     *
     * @param from the half of a base that says where the front-end believed the ring to stand
     * @param to the same, now
     */
    boolean fits(final int from, final int to) {
        return chainsAreInTheRing() && (from == to ? isOlderThanOneMadeAnew(to) : allows(from, to));
    }

    /**
     * A front-end has a ring that was made anew stand where that begins. While there is no back-end it is in its first round, and nothing
     * of it has been used; what its driver has not filled is blank.
     */
    private boolean isOlderThanOneMadeAnew(final int position) {
        return position != Packed.WRAP || used == 0 && wrap
            || IntStream.range(0, size).anyMatch(i -> !isBlank(i) && !Packed.isAvailable(flags(i), true));
    }

    /** Whether a driver has made the descriptor and never filled it; DPDK's writes its identifier all the same. */
    private boolean isBlank(final int at) {
        return Memory.getLong(descriptors + (long) at * Descriptor.SIZE) == 0;
    }

    /**
     * Whether the ring can stand here although a front-end has moved by itself, from one position to another. While it has no back-end it
     * gives back what looks available from where it believes the ring to stand. That is ahead, among what the driver waits for; or it is
     * behind, where the rest of a chain looks so, and then a device has used something between there and here.
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

    /** Descriptors from the position to another, over two rounds. */
    private int distance(final int position) {
        final int there = (position & Packed.WRAP - 1) + ((position & Packed.WRAP) != 0 ? 0 : size);
        return Math.floorMod(there - used - (wrap ? 0 : size), 2 * size);
    }

    /**
     * Whether somebody else has used what comes behind the chains that are out and all else that waits: a front-end has passed by this
     * position. No device has come there in this round.
     *
     * @return how many descriptors wait before that, behind the chains that are out; or {@link #NOT_PASSED}
     */
    int passedBy() {
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

    // What follows is given by its distance from the position, which is less than a round, and may be negative.

    private int flagsAt(final int distance) {
        return flags(Math.floorMod(used + distance, size));
    }

    private boolean roundAt(final int distance) {
        return (used + distance >= 0 && used + distance < size) == wrap;
    }

    private boolean isFilled(final int distance) {
        return (flagsAt(distance) & Packed.AVAIL) != 0 == roundAt(distance) && !isBlank(Math.floorMod(used + distance, size));
    }

    private boolean isUsedOrFilledAgain(final int distance) {
        return (flagsAt(distance) & Packed.USED) != 0 == roundAt(distance) && !isBlank(Math.floorMod(used + distance, size));
    }

    private boolean chainsAreInTheRing() {
        int at = used;
        boolean round = wrap;
        for (final int[] chain : chains) {
            for (final int entry : chain) {
                final long descriptor = descriptors + (long) at * Descriptor.SIZE;
                final int flags = flags(at);
                final boolean same = Packed.isAvailable(flags, round) && Memory.getLong(descriptor + 8) == record.word(entry);
                if (Memory.getLong(descriptor) != record.address(entry) || !same && !Packed.isUsed(flags, round)) {
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
     * Makes record and ring agree. Where a batch was being written, descriptors behind the first, which the driver was not shown, may say
     * that they are used: the driver would believe it as soon as it gets there, so they are made what they were.
     *
     * @param log where that is told; may be null
     */
    void settle(final RingLog log) {
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

    private static void restore(final long at, final long word, final RingLog log) {
        Memory.putLongRelease(at, word);
        if (log != null) {
            DirtyLog.fence();
            log.descriptorWritten(at);
        }
    }
}
