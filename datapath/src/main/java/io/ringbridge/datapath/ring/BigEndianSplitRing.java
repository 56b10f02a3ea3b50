package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.Scratch;
import org.jspecify.annotations.Nullable;

/**
 * The device's side of a split virtqueue of a legacy driver on a big-endian machine (virtio 1.2, section 2.7.3).
 *
 * <p>The fields of the virtio-net header are big-endian too. The first piece of every chain is therefore a copy of the
 * header, in memory that this ring owns and in little-endian order. On a transmit queue the header is copied from the
 * buffer and swapped when the chain is taken. On a receive queue it is swapped and copied to the buffer when the chain
 * is used. Callers see no difference in byte order, but this ring is slower than the others. A receive buffer must
 * begin with a header in one piece, as the buffers of legacy drivers do.
 *
 * <p>The chains in flight are recorded if the configuration has an in-flight region: see {@link SplitInflight}.
 */
final class BigEndianSplitRing extends SplitRing {
    private static final int HEADER_STRIDE = 16;
    /** Offset of the first two-byte field of the virtio-net header. All later fields have two bytes as well. */
    private static final int FIRST_WORD = 2;
    private static final int NUM_BUFFERS = 10;

    private final OneByOne oneByOne = new OneByOne(this);
    /** The address to write each chain's header to, by the chain's slot; 0 if the device only reads the chain. */
    private final long[] headers;
    private final Scratch scratch;
    private final Segments pieces = new Segments();
    /** The record of the chains in flight; null if nothing is recorded. */
    private final @Nullable SplitInflight record;
    /** Chains still to come that continue the current frame. They begin with payload, not with a header. */
    private int continuing;

    BigEndianSplitRing(final RingConfig config, final @Nullable RingLog log) {
        super(config, log);
        headers = new long[size];
        scratch = Scratch.of((long) HEADER_STRIDE * size);
        record = config.inflight() == null ? null : new SplitInflight(config.inflight(), size);
        if (record != null && record.resume(usedIdx, ahead())) {
            nextAvail = usedIdx;
        }
    }

    @Override
    int read(final long address) {
        return Short.reverseBytes(Memory.getShort(address)) & RingIndex.MASK;
    }

    @Override
    int readAcquire(final long address) {
        return Short.reverseBytes(Memory.getShortAcquire(address)) & RingIndex.MASK;
    }

    @Override
    void write(final long address, final int value) {
        Memory.putShort(address, Short.reverseBytes((short) value));
    }

    @Override
    void writeRelease(final long address, final int value) {
        Memory.putShortRelease(address, Short.reverseBytes((short) value));
    }

    @Override
    public int next(final Segments chain, final boolean writable) {
        if (known == 0 && readAvailable() == 0) {
            return fault() == null ? EMPTY : BROKEN;
        }
        final int slot = nextAvail & mask;
        final int again = record == null ? SplitInflight.NONE : record.nextRecovered();
        final int head = again == SplitInflight.NONE ? read(avail + ENTRIES + 2L * slot) : again;
        if (head >= size) {
            return markBroken("an available entry names descriptor " + head + " of " + size);
        }
        heads[slot] = head;
        headers[slot] = 0;
        take(1);
        pieces.clear();
        beginChain();
        final boolean good = walk(descriptors, head, size, writable, true) && replaceHeader(chain, slot, writable);
        if (!good && shouldWait()) {
            take(-1);
            return EMPTY;
        }
        if (record != null) {
            record.recordTaken(head);
        }
        return good ? TAKEN : BAD;
    }

    /** Takes nothing: no chain is plain, since the header of each must be swapped. */
    @Override
    public int nextPlain(final long[] addresses, final int[] lengths, final int from, final int count,
                         final boolean writable) {
        return 0;
    }

    /**
     * Follows the descriptors of a table.
     *
     * @param table the address of the table: of this process for the ring's own, of the driver for an indirect one
     * @param own whether the table is the ring's own, which may lead to an indirect one
     */
    private boolean walk(final long table, final int first, final int entries, final boolean writable,
                         final boolean own) {
        int at = first;
        for (int n = 1; ; n++) {
            final long place = table + (long) at * Descriptor.SIZE;
            final long descriptor = own ? place : entry(place);
            if (descriptor == GuestMemory.UNMAPPED) {
                return false;
            }
            final long address = Long.reverseBytes(Memory.getLong(descriptor));
            final long rest = Long.reverseBytes(Memory.getLong(descriptor + 8));
            final int length = (int) (rest >>> 32);
            countDescriptor();
            final int flags = (int) (rest >>> 16) & 0xFFFF;
            if ((flags & Descriptor.INDIRECT) != 0) {
                return own && indirect && (flags & Descriptor.NEXT) == 0 && length >>> 4 != 0
                    && (length & Descriptor.SIZE - 1) == 0 && walk(address, 0, length >>> 4, writable, false);
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

    /** Replaces the header in a chain by the ring's own copy. */
    private boolean replaceHeader(final Segments chain, final int slot, final boolean writable) {
        final int length = headerLength();
        final long header = scratch.address() + (long) HEADER_STRIDE * slot;
        chain.clear();
        if (writable) {
            if (pieces.count() == 0 || pieces.length(0) < length) {
                return false;
            }
            headers[slot] = pieces.address(0);
        } else if (pieces.totalLength() < length) {
            return chain.addAll(pieces); // the caller drops the chain as too short
        } else {
            pieces.peek(header, length);
            swap(header, length);
        }
        pieces.skip(length);
        return chain.add(header, length) && chain.addAll(pieces);
    }

    private static void swap(final long header, final int length) {
        for (int at = FIRST_WORD; at < length; at += 2) {
            Memory.putShort(header + at, Short.reverseBytes(Memory.getShort(header + at)));
        }
    }

    @Override
    public void rewind(final int chains) {
        if (record != null) {
            record.putBack(chains);
        }
        super.rewind(chains);
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
            record.recordUsed(heads[slot], out);
        }
    }

    /** Writes the first bytes of a buffer: the header, or payload if the chain continues a frame. */
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
            swap(header, headerLength());
        }
        final int length = Math.min(written, headerLength());
        Memory.copy(header, headers[slot], length);
        if (log != null) {
            DirtyLog.fence();
            log.written(headers[slot], length);
        }
    }

    @Override
    public void use(final int @Nullable [] written, final int count) {
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

    /** Publishes the batch to the driver, and leaves the record as it is. */
    void show() {
        super.publish();
    }

    @Nullable SplitInflight record() {
        return record;
    }

    @Override
    public boolean intact() {
        return record == null || record.intact();
    }
}
