package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.Scratch;

/**
 * The device's side of a split virtqueue of a legacy driver on a big-endian machine; the layout is at {@link SplitDeviceRing}, with the
 * bytes of every field the other way round (virtio 1.2, section 2.7.3).
 *
 * <p>So are those of the virtio-net header. It is the first piece of every chain taken, and lies in memory of this ring's own, the way
 * everybody else expects it: read from the buffer, and turned, when the chain is taken, or turned and written when it is used. Whoever
 * works on the ring therefore sees nothing of the byte order, and this is slower than other rings. A buffer to receive into has to
 * begin with a header in one piece, as those of legacy drivers do.
 *
 * <p>The chains that are out are recorded if there is a place for that: see {@link SplitInflight}.
 */
final class BigEndianSplitRing extends DeviceRing {
    private static final int IDX = 2;
    private static final int ENTRIES = 4;
    private static final int NO_NOTIFY = 1;
    private static final int NO_INTERRUPT = 1;
    private static final int HEADER_STRIDE = 16;
    /** The fields of the virtio-net header that have two bytes: from here on, all. */
    private static final int FIRST_WORD = 2;
    private static final int NUM_BUFFERS = 10;

    private final OneByOne oneByOne = new OneByOne(this);
    private final int mask;
    /** Of the chains that are out, by their place in the available ring: the first descriptor, and where a header is to be written. */
    private final int[] heads;
    private final long[] headers;
    private final Scratch scratch;
    private final Segments pieces = new Segments();
    /** The record of the chains that are out; null if nothing is recorded. */
    private final SplitInflight record;
    private long descriptors;
    private long avail;
    private long used;
    private int nextAvail;
    private int usedIdx;
    private int known;
    private int shownIdx;
    private int askedIdx;
    /** Chains that go on with the frame of the one used last: they begin with payload, not with a header. */
    private int continuing;

    BigEndianSplitRing(final RingConfig config, final RingLog log) {
        super(config, log);
        mask = size - 1;
        heads = new int[size];
        headers = new long[size];
        scratch = Scratch.of((long) HEADER_STRIDE * size);
        move(config.addresses());
        usedIdx = getShort(used + IDX);
        nextAvail = RingIndex.resume(usedIdx, getShort(avail + IDX), size, config.base());
        shownIdx = usedIdx;
        askedIdx = usedIdx;
        record = config.inflight() == null ? null : new SplitInflight(config.inflight(), size);
        if (record != null && record.resume(usedIdx, RingIndex.distance(usedIdx, getShort(avail + IDX)))) {
            nextAvail = usedIdx;
        }
    }

    private static int getShort(final long address) {
        return Short.reverseBytes(Memory.getShort(address)) & 0xFFFF;
    }

    private static void putShort(final long address, final int value) {
        Memory.putShort(address, Short.reverseBytes((short) value));
    }

    @Override
    public void move(final RingAddresses addresses) {
        descriptors = addresses.descriptors();
        avail = addresses.driver();
        used = addresses.device();
    }

    @Override
    public int available() {
        return known > 0 ? known : look();
    }

    private int look() {
        // Pairs with the driver's release of avail idx: entries and descriptors written before it are visible after it.
        final int ahead = RingIndex.distance(nextAvail, Short.reverseBytes(Memory.getShortAcquire(avail + IDX)));
        if (ahead > size - out) {
            known = 0;
            broken("the available index is " + ahead + " entries ahead; a ring of " + size + " has " + (size - out) + " left");
            return 0;
        }
        known = ahead;
        return ahead;
    }

    @Override
    public int next(final Segments chain, final boolean writable) {
        if (known == 0 && look() == 0) {
            return fault() == null ? EMPTY : BROKEN;
        }
        final int slot = nextAvail & mask;
        final int again = record == null ? SplitInflight.NONE : record.toTakeAgain();
        final int head = again == SplitInflight.NONE ? getShort(avail + ENTRIES + 2L * slot) : again;
        if (head >= size) {
            return broken("an available entry names descriptor " + head + " of " + size);
        }
        heads[slot] = head;
        headers[slot] = 0;
        nextAvail = RingIndex.advance(nextAvail, 1);
        known--;
        out++;
        pieces.clear();
        beginChain();
        final boolean good = walk(descriptors, head, size, writable, true) && take(chain, slot, writable);
        if (!good && isToWait()) {
            putBack(1);
            return EMPTY;
        }
        if (record != null) {
            record.taken(head);
        }
        return good ? TAKEN : BAD;
    }

    /** None is plain: the header of each has to be turned. */
    @Override
    public int nextPlain(final long[] addresses, final int[] lengths, final int from, final int count, final boolean writable) {
        return 0;
    }

    /** Follows descriptors of a table, all of which this process can read from its start on; of the ring's own, into an indirect one. */
    private boolean walk(final long table, final int first, final int entries, final boolean writable, final boolean own) {
        int at = first;
        for (int n = 1; ; n++) {
            final long descriptor = own ? table + (long) at * Descriptor.SIZE : entry(table + (long) at * Descriptor.SIZE);
            if (descriptor == GuestMemory.UNMAPPED) {
                return false;
            }
            final long address = Long.reverseBytes(Memory.getLong(descriptor));
            final long rest = Long.reverseBytes(Memory.getLong(descriptor + 8));
            final int length = (int) (rest >>> 32);
            countDescriptor();
            final int flags = (int) (rest >>> 16) & 0xFFFF;
            if ((flags & Descriptor.INDIRECT) != 0) {
                return own && indirect && (flags & Descriptor.NEXT) == 0 && length >>> 4 != 0 && (length & Descriptor.SIZE - 1) == 0
                    && walk(address, 0, length >>> 4, writable, false);
            }
            if (!append(pieces, address, length, flags, writable)) {
                return false;
            }
            if ((flags & Descriptor.NEXT) == 0) {
                return true;
            }
            at = (int) rest & 0xFFFF;
            if (n == Math.min(entries, Segments.MAX_SEGMENTS) || at >= entries) {
                return false;
            }
        }
    }

    /** Puts memory of this ring's own in the place of the header. */
    private boolean take(final Segments chain, final int slot, final boolean writable) {
        final int length = headerLength();
        final long header = scratch.address() + (long) HEADER_STRIDE * slot;
        chain.clear();
        if (writable) {
            if (pieces.count() == 0 || pieces.length(0) < length) {
                return false;
            }
            headers[slot] = pieces.address(0);
        } else if (pieces.totalLength() < length) {
            return chain.addAll(pieces); // whoever takes it finds that it is too short
        } else {
            pieces.peek(header, length);
            turn(header, length);
        }
        pieces.skip(length);
        return chain.add(header, length) && chain.addAll(pieces);
    }

    private static void turn(final long header, final int length) {
        for (int at = FIRST_WORD; at < length; at += 2) {
            Memory.putShort(header + at, Short.reverseBytes(Memory.getShort(header + at)));
        }
    }

    @Override
    public void rewind(final int chains) {
        if (record != null) {
            record.putBack(chains);
        }
        putBack(chains);
    }

    private void putBack(final int chains) {
        nextAvail = RingIndex.advance(nextAvail, -chains);
        known += chains;
        out -= chains;
    }

    @Override
    public void use(final int written) {
        final int slot = nextAvail - out & mask;
        if (headers[slot] != 0) {
            writeHeader(slot, written);
        }
        final long entry = used + ENTRIES + 8L * (usedIdx & mask);
        Memory.putLong(entry, Long.reverseBytes((long) heads[slot] << 32 | written & 0xFFFF_FFFFL));
        usedIdx = RingIndex.advance(usedIdx, 1);
        out--;
        if (record != null) {
            record.used(heads[slot], out);
        }
    }

    /** Writes the front of a buffer, which is a header where a frame begins. */
    private void writeHeader(final int slot, final int written) {
        final long header = scratch.address() + (long) HEADER_STRIDE * slot;
        if (written == 0) {
            continuing = 0;
            return;
        }
        if (continuing > 0) {
            continuing--;
        } else {
            continuing = headerLength() > NUM_BUFFERS ? (Memory.getShort(header + NUM_BUFFERS) & 0xFFFF) - 1 : 0;
            turn(header, headerLength());
        }
        final int length = Math.min(written, headerLength());
        Memory.copy(header, headers[slot], length);
        if (log != null) {
            DirtyLog.fence();
            log.written(headers[slot], length);
        }
    }

    @Override
    public void use(final int[] written, final int count) {
        oneByOne.use(written, count);
    }

    @Override
    void useBatch(final int chains) {
        for (int i = 0; i < chains; i++) {
            use(0);
        }
    }

    @Override
    public void publish() {
        show();
        if (record != null) {
            record.unmark();
            record.settle(usedIdx);
        }
    }

    /** The batch is the driver's. */
    void show() {
        final int count = Math.min(RingIndex.distance(shownIdx, usedIdx), size);
        if (count == 0) {
            return;
        }
        if (log != null) {
            final int first = shownIdx & mask;
            final int straight = Math.min(count, size - first);
            DirtyLog.fence();
            log.deviceWritten(ENTRIES + 8L * first, 8 * straight);
            log.deviceWritten(ENTRIES, 8 * (count - straight));
        }
        // Pairs with the driver's acquire of used idx: the entries and the buffers' contents are visible with it (section 2.7.8.2).
        Memory.putShortRelease(used + IDX, Short.reverseBytes((short) usedIdx));
        shownIdx = usedIdx;
        if (log != null) {
            DirtyLog.fence();
            log.deviceWritten(IDX, 2);
            log.signal();
        }
    }

    @Override
    public boolean wantsNotification() {
        final int old = askedIdx;
        askedIdx = usedIdx;
        return eventIdx ? RingIndex.passed(getShort(avail + ENTRIES + 2L * size), usedIdx, old) : (getShort(avail) & NO_INTERRUPT) == 0;
    }

    @Override
    public void suppressKicks() {
        wish(NO_NOTIFY, nextAvail - 1);
    }

    @Override
    public boolean armKicks() {
        wish(0, RingIndex.advance(nextAvail, known));
        // The wish has to be visible before the index is looked at, or a chain added in between is neither seen nor kicked for.
        Memory.fullFence();
        return available() > 0;
    }

    /** Writes the one word of the two by which the driver is told when to kick. */
    private void wish(final int flags, final int event) {
        final long offset = eventIdx ? ENTRIES + 8L * size : 0;
        putShort(used + offset, eventIdx ? event : flags);
        if (log != null) {
            log.eventWritten(offset, 2);
        }
    }

    int usedIdx() {
        return usedIdx;
    }

    SplitInflight record() {
        return record;
    }

    @Override
    public boolean intact() {
        return record == null || record.intact();
    }

    @Override
    public int base() {
        return nextAvail;
    }

    @Override
    public String layout() {
        return "split";
    }
}
