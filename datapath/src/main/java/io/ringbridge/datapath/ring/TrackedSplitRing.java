package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Segments;
import org.jspecify.annotations.Nullable;

/** A split ring that records its chains in flight in a file that outlives this process. See {@link SplitInflight}. */
final class TrackedSplitRing extends SplitDeviceRing {
    private final OneByOne oneByOne = new OneByOne(this);
    private final SplitInflight record;

    TrackedSplitRing(final RingConfig config, final InflightRegion inflight, final @Nullable RingLog log) {
        super(config, log);
        record = new SplitInflight(inflight, size);
        if (record.resume(usedIdx, ahead())) {
            nextAvail = usedIdx;
        }
    }

    @Override
    public int next(final Segments chain, final boolean writable) {
        final int slot = nextAvail & mask;
        final int again = record.nextRecovered();
        final int result =
            again == SplitInflight.NONE ? super.next(chain, writable) : takeInstead(again, chain, writable);
        if (result == TAKEN || result == BAD) {
            record.recordTaken(heads[slot]);
        }
        return result;
    }

    @Override
    public int nextPlain(final long[] addresses, final int[] lengths, final int from, final int count,
                         final boolean writable) {
        return oneByOne.nextPlain(addresses, lengths, from, count, writable);
    }

    @Override
    public void rewind(final int chains) {
        record.putBack(chains);
        super.rewind(chains);
    }

    @Override
    public void use(final int written) {
        final int head = heads[nextAvail - out & mask];
        super.use(written);
        record.recordUsed(head, out);
    }

    @Override
    public void use(final int @Nullable [] written, final int count) {
        oneByOne.use(written, count);
    }

    @Override
    void useBatch(final int chains) {
        final int first = nextAvail - out;
        super.useBatch(chains);
        for (int i = 0; i < chains; i++) {
            record.recordUsed(heads[first + i & mask], out);
        }
    }

    @Override
    public void publish() {
        show();
        record.unmark();
        record.settle(usedIdx);
    }

    /** Publishes the batch to the driver, and leaves the record as it is. */
    void show() {
        super.publish();
    }

    SplitInflight record() {
        return record;
    }

    @Override
    public boolean intact() {
        return record.intact();
    }
}
