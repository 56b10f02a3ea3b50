package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import org.jspecify.annotations.Nullable;

/**
 * A packed ring that records its chains in flight in a file that outlives this process. {@link PackedInflight} shows
 * the layout.
 *
 * <p>A process that is killed has made its stores up to some point of the program, and none after it. It is therefore
 * enough that the compiler keeps the stores in order, which is the purpose of the releases. The entries of returned
 * chains become free when the batch is published, not before. Until then these chains are in flight for a successor
 * process.
 */
final class TrackedPackedRing extends PackedDeviceRing {
    private final OneByOne oneByOne = new OneByOne(this);
    private final InflightRegion inflight;
    private final PackedInflight record;
    /** The entry that follows each entry: a copy of the record, which other processes can write to. */
    private final int[] following;
    /** The first record entry of each chain, by the chain's place in {@link #slots}. */
    private final int[] firstEntry;
    /** The last record entry of each chain, by the chain's place in {@link #slots}. */
    private final int[] lastEntry;
    private int freeHead;
    /**
     * Chains in flight when the previous process ended, in the order in which they were taken. They are taken first.
     */
    private int[][] recovered = {};
    private int recoveredTaken;
    /** The number of chains in flight that came from the ring. */
    private int ordinary;
    /** The number of returned chains that are not published. */
    private int unpublished;
    /** The number of chains from the ring that were put back and that the record still has in flight. */
    private int rewound;
    /** The number of recovered chains that were put back together with {@link #rewound}. */
    private int rewoundRecovered;
    private int settledUsed;
    private boolean settledWrap;
    private long counter;

    TrackedPackedRing(final RingConfig config, final InflightRegion inflight, final @Nullable RingLog log) {
        super(config, log);
        this.inflight = inflight;
        record = new PackedInflight(inflight);
        firstEntry = new int[size];
        lastEntry = new int[size];
        final PackedRecovery found = PackedRecovery.read(record, size, descriptors);
        if (found != null) {
            found.settle(log);
            setPositions(found.used, found.wrap);
            following = found.following;
            freeHead = found.freeHead;
            recovered = found.chains;
            counter = found.counter;
        } else {
            record.initialise(nextUsed, usedWrap);
            following = new int[size];
            for (int i = 0; i < size; i++) {
                following[i] = i + 1;
            }
        }
        settledUsed = nextUsed;
        settledWrap = usedWrap;
        final int passed = found == null ? PackedRecovery.NOT_PASSED : found.descriptorsBeforeGap();
        if (passed != PackedRecovery.NOT_PASSED) {
            resumeAfterFrontEnd(Packed.usedBase(config.base()), passed);
        }
    }

    /**
     * Resumes after a front-end that has returned chains itself while it had no back-end. The driver sees those chains
     * only after it has got back all earlier ones, so the earlier ones are returned here, unsent.
     *
     * @param position the position after the chains that the front-end has returned, as half of a base
     * @param before the number of descriptors between the recorded chains in flight and those that the front-end has
     *     returned
     */
    private void resumeAfterFrontEnd(final int position, final int before) {
        for (final int[] chain : recovered) {
            takeAgain(chain);
        }
        recoveredTaken = recovered.length;
        for (int left = before; left > 0; ) {
            left -= takeUnread(left);
        }
        while (out > 0) {
            use(0);
        }
        setPositions((position & Packed.WRAP - 1) % size, (position & Packed.WRAP) != 0);
        publish();
        settle(); // publish does nothing if no chain was returned
    }

    /**
     * Takes a chain without reading its buffers. The front-end may have used its last descriptor.
     *
     * @return the number of descriptors of the chain
     */
    private int takeUnread(final int most) {
        final int at = nextAvail;
        final int place = nextOut;
        int count = 1;
        long word = word(at);
        while ((word >>> 48 & Descriptor.NEXT) != 0 && count <= most) {
            word = word((at + count) % size);
            count++;
        }
        recordTaken((int) (word >>> 32) & 0xFFFF, count);
        ordinary++;
        recordChain(place, at);
        return count;
    }

    private long word(final int at) {
        return Memory.getLong(descriptors + (long) at * Descriptor.SIZE + 8);
    }

    @Override
    public int available() {
        return recoveredTaken < recovered.length ? recovered.length - recoveredTaken : super.available();
    }

    @Override
    public int next(final Segments chain, final boolean writable) {
        recordRewound();
        if (recoveredTaken < recovered.length) {
            final int result = takeAgain(recovered[recoveredTaken], chain, writable);
            recoveredTaken += result == EMPTY ? 0 : 1;
            return result;
        }
        final int at = nextAvail;
        final int place = nextOut;
        final int result = super.next(chain, writable);
        if (result == TAKEN || result == BAD) {
            ordinary++;
            recordChain(place, at);
        }
        return result;
    }

    /**
     * Records a chain that was taken. It counts as in flight once the heads of the free list have moved past its
     * entries.
     */
    private void recordChain(final int place, final int from) {
        final int count = slots[place];
        final int first = freeHead;
        int entry = first;
        int at = from;
        record.begin(first, counter++);
        for (int n = 1; ; n++) {
            final long descriptor = descriptors + (long) at * Descriptor.SIZE;
            record.put(entry, Memory.getLong(descriptor), Memory.getLong(descriptor + 8));
            if (n == count) {
                break;
            }
            entry = following[entry];
            at = at + 1 == size ? 0 : at + 1;
        }
        record.end(first, entry, count);
        firstEntry[place] = first;
        lastEntry[place] = entry;
        freeHead = following[entry];
        record.freeHeads(freeHead, freeHead);
    }

    private int takeAgain(final int[] entries, final Segments chain, final boolean writable) {
        boolean good = true;
        chain.clear();
        beginChain();
        for (final int entry : entries) {
            final long word = record.word(entry);
            final int flags = (int) (word >>> 48);
            if ((flags & Descriptor.INDIRECT) != 0) {
                good &= entries.length == 1 && appendTable(chain, record.address(entry), (int) word, writable, false);
            } else {
                good &= append(chain, record.address(entry), (int) word, flags, writable);
            }
        }
        if (!good && shouldWait()) {
            return EMPTY;
        }
        takeAgain(entries);
        return good ? TAKEN : BAD;
    }

    private void takeAgain(final int[] entries) {
        final int last = entries[entries.length - 1];
        firstEntry[nextOut] = entries[0];
        lastEntry[nextOut] = last;
        recordTaken((int) (record.word(last) >>> 32) & 0xFFFF, entries.length);
    }

    @Override
    public int nextPlain(final long[] addresses, final int[] lengths, final int from, final int count,
                         final boolean writable) {
        return oneByOne.nextPlain(addresses, lengths, from, count, writable);
    }

    /**
     * Puts chains back. Touches nothing but this object, since a worker puts chains back after faults too. The record
     * is updated when the next chain is taken.
     */
    @Override
    public void rewind(final int chains) {
        final int fresh = Math.min(chains, ordinary);
        super.rewind(chains);
        for (int i = fresh - 1; i >= 0; i--) {
            final int place = place(chains - fresh + i);
            following[lastEntry[place]] = freeHead;
            freeHead = firstEntry[place];
        }
        ordinary -= fresh;
        recoveredTaken -= chains - fresh;
        rewound += fresh;
        rewoundRecovered += chains - fresh;
    }

    /** Returns the place of the chain that is {@code offset} chains after the next one to be taken; may be negative. */
    private int place(final int offset) {
        final int place = nextOut + offset;
        return place < 0 ? place + size : place >= size ? place - size : place;
    }

    private void recordRewound() {
        if (rewound > 0) {
            // The last chain first: at any moment, the chains in flight come before the others.
            for (int i = rewound - 1; i >= 0; i--) {
                final int place = place(rewoundRecovered + i);
                record.unmark(firstEntry[place]);
                record.next(lastEntry[place], following[lastEntry[place]]);
            }
            record.freeHeads(freeHead, freeHead);
        }
        rewound = 0;
        rewoundRecovered = 0;
    }

    @Override
    public void use(final int written) {
        if (out == ordinary) {
            ordinary--;
        }
        super.use(written);
        unpublished++;
    }

    @Override
    public void use(final int @Nullable [] written, final int count) {
        oneByOne.use(written, count);
    }

    /**
     * Returns chains with a used descriptor for each. One used descriptor for all would leave nothing in the ring that
     * {@link PackedRecovery#fits} could compare.
     */
    @Override
    void useBatch(final int chains) {
        for (int i = 0; i < chains; i++) {
            use(0);
        }
    }

    @Override
    public void publish() {
        if (unpublished > 0) {
            recordBatch();
            show();
            unmark();
            settle();
        }
    }

    /** Records the free list and the position as they will be after the batch, beside those before it. */
    void recordBatch() {
        recordRewound();
        final int old = freeHead;
        for (int i = unpublished; i > 0; i--) {
            final int place = unpublishedPlace(i);
            following[lastEntry[place]] = freeHead;
            record.next(lastEntry[place], freeHead);
            freeHead = firstEntry[place];
        }
        record.freeHeads(freeHead, old);
        record.positions(nextUsed, usedWrap, settledUsed, settledWrap);
    }

    private int unpublishedPlace(final int before) {
        final int place = firstOut - before;
        return place < 0 ? place + size : place;
    }

    /** Publishes the batch to the driver, and leaves the record as it is. */
    void show() {
        super.publish();
    }

    /** Records that the chains of the batch are no longer in flight. */
    void unmark() {
        for (int i = unpublished; i > 0; i--) {
            record.unmark(firstEntry[unpublishedPlace(i)]);
        }
        unpublished = 0;
    }

    /** Records that the batch is settled. */
    void settle() {
        record.freeHeads(freeHead, freeHead);
        record.positions(nextUsed, usedWrap, nextUsed, usedWrap);
        settledUsed = nextUsed;
        settledWrap = usedWrap;
    }

    @Override
    public boolean intact() {
        return inflight.area().intact();
    }
}
