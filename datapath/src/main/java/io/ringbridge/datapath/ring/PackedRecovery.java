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
        return record.isInitialised() && found.readPosition() && found.readChains() ? found : null;
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
        return !Packed.isUsed(flags(used), wrap);
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

    private int flags(final int at) {
        return Memory.getShortAcquire(descriptors + (long) at * Descriptor.SIZE + Packed.FLAGS);
    }

    /**
     * Whether the ring can be the one that was recorded, and is not, say, one that its driver has since made anew: it shows what a device
     * that has come to this position leaves behind, and the chains that are out are there as they were taken.
     *
     * <p>A used descriptor's second bit is the wrap counter of its round, and remains so when the driver makes it available again. So
     * before the position one has this round's, unless it is at the beginning, and from there on one has the other's.
     */
    boolean fits() {
        return (used == 0 || anyUsed(0, used, wrap)) && anyUsed(used, size, !wrap) && chainsAreInTheRing();
    }

    private boolean anyUsed(final int from, final int to, final boolean bit) {
        for (int i = from; i < to; i++) {
            if ((flags(i) & Packed.USED) != 0 == bit) {
                return true;
            }
        }
        return false;
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
