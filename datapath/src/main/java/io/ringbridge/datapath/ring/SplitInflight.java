package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The record of the chains in flight of a split ring. It outlives this process (vhost-user, "Inflight I/O tracking").
 *
 * <pre>
 *  header, 16 bytes                       entry, 16 bytes, one per descriptor
 *  u64 features                           u8  inflight
 *  u16 version, u16 desc_num              u8  padding[5]
 *  u16 last_batch_head, u16 used_idx      u16 next
 *                                         u64 counter
 * </pre>
 *
 * <p>The fields are in this machine's byte order, even if the ring's is different. The front-end and the back-end share
 * the area, and the driver does not see it.
 *
 * <p>A process that is killed has made its stores up to some point of the program, and none after it. It is therefore
 * enough that the compiler keeps the stores in order, which is the purpose of the releases here. Chains that were put
 * back stay marked. They are the next ones in the available ring, so a recovery from the record takes the same chains
 * as the ring would give.
 *
 * <p>Owned by the ring's worker. The ring calls a method after each of its own steps.
 */
final class SplitInflight {
    /** The result of {@link #nextRecovered} if no recovered chain is left. */
    static final int NONE = -1;

    private static final int LAST_BATCH_HEAD = 12;
    private static final int USED_IDX = 14;
    private static final int NEXT = 6;
    private static final int COUNTER = 8;

    private final InflightRegion inflight;
    private final long region;
    private final int size;
    /** The returned chains that are not published, oldest first. */
    private final int[] batch;
    private int unpublished;
    /**
     * Chains in flight when the previous process ended, in the order in which they were taken. They are taken first.
     */
    private int[] recovered = {};
    private int recoveredTaken;
    /** The number of chains in flight that came from the available ring. */
    private int ordinary;
    private long counter;

    SplitInflight(final InflightRegion inflight, final int size) {
        this.inflight = inflight;
        this.size = size;
        region = inflight.address();
        batch = new int[size];
    }

    /**
     * Reads the record, or initialises it if there is none that fits the ring.
     *
     * @param usedIdx the ring's used index
     * @param ahead how far the available index is ahead of {@code usedIdx}; at most the ring's size if the two belong
     *     together
     * @return whether the ring resumes at its used index, with the chains that were in flight
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
        final int published = RingIndex.distance(Memory.getShort(region + USED_IDX), usedIdx);
        if (published > size || ahead > size) {
            return false;
        }
        // The last batch was published, but some of its chains may still be marked.
        int last = Memory.getShort(region + LAST_BATCH_HEAD) & 0xFFFF;
        for (int i = 0; i < published && last < size; i++) {
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
        recovered = InflightRegion.inOrder(marked, counters);
        return true;
    }

    private long entry(final int head) {
        return region + InflightRegion.SPLIT_HEADER + (long) InflightRegion.SPLIT_ENTRY * head;
    }

    /** Returns the head of the recovered chain to take in place of the available ring's next one, or {@link #NONE}. */
    int nextRecovered() {
        return recoveredTaken < recovered.length ? recovered[recoveredTaken] : NONE;
    }

    /** Records that a chain was taken, from the available ring unless {@link #nextRecovered} named it. */
    void recordTaken(final int head) {
        if (recoveredTaken < recovered.length) {
            recoveredTaken++;
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
        counter -= fresh; // chains taken from now on are ordered before those that stay marked
        recoveredTaken -= chains - fresh;
    }

    /**
     * Records that the oldest chain in flight was returned.
     *
     * @param out the number of chains that are still in flight
     */
    void recordUsed(final int head, final int out) {
        ordinary = Math.min(ordinary, out);
        Memory.putShort(entry(head) + NEXT, Memory.getShort(region + LAST_BATCH_HEAD));
        Memory.putShortRelease(region + LAST_BATCH_HEAD, (short) head);
        batch[unpublished & size - 1] = head;
        unpublished++;
    }

    /** Records that the chains just published are no longer in flight. */
    void unmark() {
        for (int i = 0; i < unpublished; i++) {
            unmark(batch[i & size - 1]);
        }
        unpublished = 0;
    }

    private void unmark(final int head) {
        Memory.putShortRelease(entry(head), (short) 0);
    }

    /** Records that all chains before this used index are settled. */
    void settle(final int usedIdx) {
        Memory.putShortRelease(region + USED_IDX, (short) usedIdx);
    }

    /** Whether the record is fully accessible. Costs system calls: for use after a fault. */
    boolean intact() {
        return inflight.area().intact();
    }
}
