package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The record of the chains of a split ring that are out. It outlives this process (vhost-user, "Inflight I/O
 * tracking").
 *
 * <pre>
 *  header, 16 bytes                       entry, 16 bytes, one per descriptor
 *  u64 features                           u8  inflight
 *  u16 version, u16 desc_num              u8  padding[5]
 *  u16 last_batch_head, u16 used_idx      u16 next
 *                                         u64 counter
 * </pre>
 *
 * <p>The fields are in the byte order of this machine, whatever order the ring has: front-end and back-end share the
 * area, and the driver does not see it.
 *
 * <p>A process that is killed has made its stores up to some point of the program, and none after it. So it is enough
 * that the compiler keeps their order, which is what the releases here are for. Chains put back stay marked: they are
 * the next ones of the available ring, so that to take them again from there or from here is the same.
 *
 * <p>Owned by the ring's worker. The ring calls a method after each of its own steps.
 */
final class SplitInflight {
    /** No chain is to be taken again. */
    static final int NONE = -1;

    private static final int LAST_BATCH_HEAD = 12;
    private static final int USED_IDX = 14;
    private static final int NEXT = 6;
    private static final int COUNTER = 8;

    private final InflightRegion inflight;
    private final long region;
    private final int size;
    /** The chains given back that the driver was not shown, oldest first. */
    private final int[] batch;
    private int unshown;
    /** Chains that were out when the process before this one ended, in the order they were taken. They come first. */
    private int[] again = {};
    private int againTaken;
    /** Chains out that came from the available ring. */
    private int ordinary;
    private long counter;

    SplitInflight(final InflightRegion inflight, final int size) {
        this.inflight = inflight;
        this.size = size;
        region = inflight.address();
        batch = new int[size];
    }

    /**
     * Reads the record, or begins it if there is none that fits the ring.
     *
     * @param usedIdx the ring's used index
     * @param ahead how far the driver's index is ahead of it: at most the ring's size if the two belong together
     * @return whether the ring resumes at its used index, with the chains that were out
     */
    boolean resume(final int usedIdx, final int ahead) {
        if (recover(usedIdx, ahead)) {
            return true;
        }
        Memory.putShort(region + InflightRegion.VERSION_AT, (short) 0);
        Memory.zero(region + InflightRegion.SPLIT_HEADER, (long) InflightRegion.SPLIT_ENTRY * inflight.entries());
        Memory.putLong(region, 0);
        Memory.putShort(region + InflightRegion.ENTRIES_AT, (short) inflight.entries());
        Memory.putShort(region + LAST_BATCH_HEAD, (short) 0);
        Memory.putShort(region + USED_IDX, (short) usedIdx);
        Memory.putShortRelease(region + InflightRegion.VERSION_AT, InflightRegion.VERSION);
        return false;
    }

    private boolean recover(final int usedIdx, final int ahead) {
        if (Memory.getShort(region + InflightRegion.VERSION_AT) != InflightRegion.VERSION
            || (Memory.getShort(region + InflightRegion.ENTRIES_AT) & 0xFFFF) != inflight.entries()) {
            return false;
        }
        final int shown = RingIndex.distance(Memory.getShort(region + USED_IDX), usedIdx);
        if (shown > size || ahead > size) {
            return false;
        }
        // The last batch was shown, and perhaps not all of it unmarked.
        int last = Memory.getShort(region + LAST_BATCH_HEAD) & 0xFFFF;
        for (int i = 0; i < shown && last < size; i++) {
            unmark(last);
            last = Memory.getShort(entry(last) + NEXT) & 0xFFFF;
        }
        settle(usedIdx);
        final int[] marked = IntStream.range(0, size).filter(head -> Memory.getByte(entry(head)) != 0).toArray();
        final long[] counters =
            Arrays.stream(marked).mapToLong(head -> Memory.getLong(entry(head) + COUNTER)).toArray();
        if (marked.length > ahead) {
            return false;
        }
        for (final long each : counters) {
            counter = Math.max(counter, each + 1);
        }
        again = InflightRegion.inOrder(marked, counters);
        return true;
    }

    private long entry(final int head) {
        return region + InflightRegion.SPLIT_HEADER + (long) InflightRegion.SPLIT_ENTRY * head;
    }

    /** Returns the head of the chain to take in place of the available ring's next one, or {@link #NONE}. */
    int toTakeAgain() {
        return againTaken < again.length ? again[againTaken] : NONE;
    }

    /** Records that a chain was taken, from the available ring unless {@link #toTakeAgain} named it. */
    void taken(final int head) {
        if (againTaken < again.length) {
            againTaken++;
            return;
        }
        ordinary++;
        Memory.putLong(entry(head) + COUNTER, counter++);
        Memory.putShortRelease(entry(head), (short) 1);
    }

    /**
     * Notes that the last {@code chains} taken were put back. Touches nothing but this object, since a worker puts
     * chains back after faults too.
     */
    void putBack(final int chains) {
        final int fresh = Math.min(chains, ordinary);
        ordinary -= fresh;
        counter -= fresh; // what is taken instead comes before those that stay marked
        againTaken -= chains - fresh;
    }

    /**
     * Records that the chain that had been out longest was given back.
     *
     * @param out how many are still out
     */
    void used(final int head, final int out) {
        ordinary = Math.min(ordinary, out);
        Memory.putShort(entry(head) + NEXT, Memory.getShort(region + LAST_BATCH_HEAD));
        Memory.putShortRelease(region + LAST_BATCH_HEAD, (short) head);
        batch[unshown & size - 1] = head;
        unshown++;
    }

    /** Records that the chains that the driver was just shown are no longer out. */
    void unmark() {
        for (int i = 0; i < unshown; i++) {
            unmark(batch[i & size - 1]);
        }
        unshown = 0;
    }

    private void unmark(final int head) {
        Memory.putShortRelease(entry(head), (short) 0);
    }

    /** Records that nothing is left to be done for the chains before this used index. */
    void settle(final int usedIdx) {
        Memory.putShortRelease(region + USED_IDX, (short) usedIdx);
    }

    /** Whether the record is all there. Costs system calls: for use after a fault. */
    boolean intact() {
        return inflight.area().intact();
    }
}
