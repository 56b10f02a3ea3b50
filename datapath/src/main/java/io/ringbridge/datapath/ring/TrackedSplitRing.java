package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * A split ring that records which chains are out, where it outlives this process (vhost-user, "Inflight I/O tracking").
 *
 * <pre>
 *  header, 16 bytes                       entry, 16 bytes, one a descriptor
 *  u64 features                           u8  inflight
 *  u16 version, u16 desc_num              u8  padding[5]
 *  u16 last_batch_head, u16 used_idx      u16 next
 *                                         u64 counter
 * </pre>
 *
 * <p>A process that is killed has made its stores up to some point of the program, and none after it; so it is enough that the compiler
 * keeps their order, which is what the releases here are for. Chains put back stay marked: they are the next ones of the available ring,
 * so that to take them again from there or from here is the same.
 */
final class TrackedSplitRing extends SplitDeviceRing {
    private static final int LAST_BATCH_HEAD = 12;
    private static final int USED_IDX = 14;
    private static final int NEXT = 6;
    private static final int COUNTER = 8;

    private final OneByOne oneByOne = new OneByOne(this);
    private final InflightRegion inflight;
    private final long region;
    /** Chains that were out when the process before this one ended, in the order they were taken; they come first again. */
    private int[] again = {};
    private int againTaken;
    /** Chains out that came from the available ring. */
    private int ordinary;
    private int unshown;
    private long counter;

    TrackedSplitRing(final RingConfig config, final RingLog log) {
        super(config, log);
        inflight = config.inflight();
        region = inflight.address();
        if (!recover()) {
            initialise();
        }
    }

    private void initialise() {
        Memory.putShort(region + InflightRegion.VERSION_AT, (short) 0);
        Memory.zero(region + InflightRegion.SPLIT_HEADER, (long) InflightRegion.SPLIT_ENTRY * inflight.entries());
        Memory.putLong(region, 0);
        Memory.putShort(region + InflightRegion.ENTRIES_AT, (short) inflight.entries());
        Memory.putShort(region + LAST_BATCH_HEAD, (short) 0);
        Memory.putShort(region + USED_IDX, (short) usedIdx);
        Memory.putShortRelease(region + InflightRegion.VERSION_AT, InflightRegion.VERSION);
    }

    /** Goes on from what is recorded; false where there is nothing that fits the ring. */
    private boolean recover() {
        if (Memory.getShort(region + InflightRegion.VERSION_AT) != InflightRegion.VERSION
            || (Memory.getShort(region + InflightRegion.ENTRIES_AT) & 0xFFFF) != inflight.entries()) {
            return false;
        }
        final int batch = RingIndex.distance(Memory.getShort(region + USED_IDX), usedIdx);
        final int ahead = ahead();
        if (batch > size || ahead > size) {
            return false;
        }
        // The last batch was shown, and perhaps not all of it unmarked.
        int last = Memory.getShort(region + LAST_BATCH_HEAD) & 0xFFFF;
        for (int i = 0; i < batch && last < size; i++) {
            unmark(last);
            last = Memory.getShort(entry(last) + NEXT) & 0xFFFF;
        }
        Memory.putShortRelease(region + USED_IDX, (short) usedIdx);
        final int[] marked = IntStream.range(0, size).filter(head -> Memory.getByte(entry(head)) != 0).toArray();
        final long[] counters = Arrays.stream(marked).mapToLong(head -> Memory.getLong(entry(head) + COUNTER)).toArray();
        if (marked.length > ahead) {
            return false;
        }
        for (final long each : counters) {
            counter = Math.max(counter, each + 1);
        }
        again = InflightRegion.inOrder(marked, counters);
        nextAvail = usedIdx;
        return true;
    }

    private long entry(final int head) {
        return region + InflightRegion.SPLIT_HEADER + (long) InflightRegion.SPLIT_ENTRY * head;
    }

    @Override
    public int next(final Segments chain, final boolean writable) {
        if (againTaken < again.length) {
            final int before = out;
            final int result = takeInstead(again[againTaken], chain, writable);
            againTaken += out - before;
            return result;
        }
        final int slot = nextAvail & mask;
        final int result = super.next(chain, writable);
        if (result == TAKEN || result == BAD) {
            ordinary++;
            final long entry = entry(heads[slot]);
            Memory.putLong(entry + COUNTER, counter++);
            Memory.putShortRelease(entry, (short) 1);
        }
        return result;
    }

    @Override
    public int nextPlain(final long[] addresses, final int[] lengths, final int from, final int count, final boolean writable) {
        return oneByOne.nextPlain(addresses, lengths, from, count, writable);
    }

    @Override
    public void rewind(final int chains) {
        final int fresh = Math.min(chains, ordinary);
        ordinary -= fresh;
        counter -= fresh; // what is taken instead comes before those that stay marked
        againTaken -= chains - fresh;
        super.rewind(chains);
    }

    @Override
    public void use(final int written) {
        final int head = heads[nextAvail - out & mask];
        if (out == ordinary) {
            ordinary--;
        }
        super.use(written);
        recordUsed(head);
    }

    private void recordUsed(final int head) {
        Memory.putShort(entry(head) + NEXT, Memory.getShort(region + LAST_BATCH_HEAD));
        Memory.putShortRelease(region + LAST_BATCH_HEAD, (short) head);
        unshown++;
    }

    @Override
    public void use(final int[] written, final int count) {
        oneByOne.use(written, count);
    }

    @Override
    void useBatch(final int chains) {
        final int first = nextAvail - out;
        ordinary -= Math.max(0, chains - (out - ordinary));
        super.useBatch(chains);
        for (int i = 0; i < chains; i++) {
            recordUsed(heads[first + i & mask]);
        }
    }

    @Override
    public void publish() {
        show();
        unmark();
        settle();
    }

    /** The batch is the driver's. */
    void show() {
        super.publish();
    }

    /** Its chains are no longer out. */
    void unmark() {
        for (int i = unshown; i > 0; i--) {
            unmark(heads[nextAvail - out - i & mask]);
        }
        unshown = 0;
    }

    private void unmark(final int head) {
        Memory.putShortRelease(entry(head), (short) 0);
    }

    /** Nothing of it is left to be done. */
    void settle() {
        Memory.putShortRelease(region + USED_IDX, (short) usedIdx);
    }

    @Override
    public boolean intact() {
        return inflight.area().intact();
    }
}
