package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;

/**
 * A packed ring that records which chains are out, where it outlives this process; the layout is at {@link PackedInflight}.
 *
 * <p>A process that is killed has made its stores up to some point of the program, and none after it; so it is enough that the compiler
 * keeps their order, which is what the releases are for. Entries of chains that are given back become free when the driver is shown the
 * batch, not before: until then these chains are out for whoever comes after.
 */
final class TrackedPackedRing extends PackedDeviceRing {
    private final OneByOne oneByOne = new OneByOne(this);
    private final InflightRegion inflight;
    private final PackedInflight record;
    /** The next entry of each, as in the record, where others can write. */
    private final int[] following;
    /** First and last entry of each chain, by its place in {@link #slots}. */
    private final int[] firstEntry;
    private final int[] lastEntry;
    private int freeHead;
    /** Chains that were out when the process before this one ended, in the order they were taken; they come first again. */
    private int[][] again = {};
    private int againTaken;
    /** Chains out that came from the ring. */
    private int ordinary;
    /** Chains given back that the driver was not shown. */
    private int unshown;
    /** Chains put back that the record still has as out. */
    private int rewound;
    /** Chains put back before those that had come first again. */
    private int rewoundAgain;
    private int settledUsed;
    private boolean settledWrap;
    private long counter;

    TrackedPackedRing(final RingConfig config, final RingLog log) {
        super(config, log);
        inflight = config.inflight();
        record = new PackedInflight(inflight);
        firstEntry = new int[size];
        lastEntry = new int[size];
        final PackedRecovery found = PackedRecovery.read(record, size, descriptors);
        if (found != null) {
            found.settle(log);
            start(found.used, found.wrap);
            following = found.following;
            freeHead = found.freeHead;
            again = found.chains;
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
        final int passed = found == null ? PackedRecovery.NOT_PASSED : found.passedBy();
        if (passed != PackedRecovery.NOT_PASSED) {
            follow(Packed.usedBase(config.base()), passed);
        }
    }

    /**
     * Goes on where the front-end does, which has given back chains itself while it had no back-end. The driver sees that once it has
     * got back what comes before these, so that is given back here, unsent.
     *
     * @param position the half of a base that says where the front-end goes on
     * @param before descriptors that come before what it has given back, and behind the chains that are recorded as out
     */
    private void follow(final int position, final int before) {
        for (final int[] chain : again) {
            takeAgain(chain);
        }
        againTaken = again.length;
        for (int left = before; left > 0; ) {
            left -= takeUnread(left);
        }
        while (out > 0) {
            use(0);
        }
        start((position & Packed.WRAP - 1) % size, (position & Packed.WRAP) != 0);
        publish();
        settle(); // there may have been nothing to give back
    }

    /** Takes a chain without a look at its buffers; the front-end may have used its last descriptor. Says how many it has. */
    private int takeUnread(final int most) {
        final int at = nextAvail;
        final int place = nextOut;
        int count = 1;
        long word = word(at);
        while ((word >>> 48 & Descriptor.NEXT) != 0 && count <= most) {
            word = word((at + count) % size);
            count++;
        }
        taken((int) (word >>> 32) & 0xFFFF, count);
        ordinary++;
        take(place, at);
        return count;
    }

    private long word(final int at) {
        return Memory.getLong(descriptors + (long) at * Descriptor.SIZE + 8);
    }

    @Override
    public int available() {
        return againTaken < again.length ? again.length - againTaken : super.available();
    }

    @Override
    public int next(final Segments chain, final boolean writable) {
        recordRewound();
        if (againTaken < again.length) {
            final int result = takeAgain(again[againTaken], chain, writable);
            againTaken += result == EMPTY ? 0 : 1;
            return result;
        }
        final int at = nextAvail;
        final int place = nextOut;
        final int result = super.next(chain, writable);
        if (result == TAKEN || result == BAD) {
            ordinary++;
            take(place, at);
        }
        return result;
    }

    /** Records a chain that was taken. It is out once the heads of the free list have moved past its entries, and not before. */
    private void take(final int place, final int from) {
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
        if (!good && isToWait()) {
            return EMPTY;
        }
        takeAgain(entries);
        return good ? TAKEN : BAD;
    }

    private void takeAgain(final int[] entries) {
        final int last = entries[entries.length - 1];
        firstEntry[nextOut] = entries[0];
        lastEntry[nextOut] = last;
        taken((int) (record.word(last) >>> 32) & 0xFFFF, entries.length);
    }

    @Override
    public int nextPlain(final long[] addresses, final int[] lengths, final int from, final int count, final boolean writable) {
        return oneByOne.nextPlain(addresses, lengths, from, count, writable);
    }

    /** Touches nothing but this object, since a worker puts chains back after faults too; the record follows with the next chain. */
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
        againTaken -= chains - fresh;
        rewound += fresh;
        rewoundAgain += chains - fresh;
    }

    /** The place of the chain so many after the next one to be taken; negative for those before. */
    private int place(final int offset) {
        final int place = nextOut + offset;
        return place < 0 ? place + size : place >= size ? place - size : place;
    }

    private void recordRewound() {
        if (rewound > 0) {
            // From the last on: at any moment, what is out comes before what is not.
            for (int i = rewound - 1; i >= 0; i--) {
                final int place = place(rewoundAgain + i);
                record.unmark(firstEntry[place]);
                record.next(lastEntry[place], following[lastEntry[place]]);
            }
            record.freeHeads(freeHead, freeHead);
        }
        rewound = 0;
        rewoundAgain = 0;
    }

    @Override
    public void use(final int written) {
        if (out == ordinary) {
            ordinary--;
        }
        super.use(written);
        unshown++;
    }

    @Override
    public void use(final int[] written, final int count) {
        oneByOne.use(written, count);
    }

    /** With a used descriptor for each: one for all would leave nothing in the ring by which {@link PackedRecovery#fits} knows it. */
    @Override
    void useBatch(final int chains) {
        for (int i = 0; i < chains; i++) {
            use(0);
        }
    }

    @Override
    public void publish() {
        if (unshown > 0) {
            announce();
            show();
            unmark();
            settle();
        }
    }

    /** Records what the free list and the position will be, beside what they are. */
    void announce() {
        recordRewound();
        final int old = freeHead;
        for (int i = unshown; i > 0; i--) {
            final int place = unshownPlace(i);
            following[lastEntry[place]] = freeHead;
            record.next(lastEntry[place], freeHead);
            freeHead = firstEntry[place];
        }
        record.freeHeads(freeHead, old);
        record.positions(nextUsed, usedWrap, settledUsed, settledWrap);
    }

    private int unshownPlace(final int before) {
        final int place = firstOut - before;
        return place < 0 ? place + size : place;
    }

    /** The batch is the driver's. */
    void show() {
        super.publish();
    }

    /** Its chains are no longer out. */
    void unmark() {
        for (int i = unshown; i > 0; i--) {
            record.unmark(firstEntry[unshownPlace(i)]);
        }
        unshown = 0;
    }

    /** Nothing of it is left to be done. */
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
