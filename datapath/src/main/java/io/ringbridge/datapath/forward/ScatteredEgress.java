package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.os.Scratch;
import io.ringbridge.datapath.packet.PieceReader;
import io.ringbridge.datapath.packet.VnetHeader;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.ReceiveQueue;
import io.ringbridge.datapath.ring.DeviceRing;

/** Delivers into receive buffers of any shape: scattered, or several that are merged. Owned by one worker. */
final class ScatteredEgress {
    private static final int NUM_BUFFERS = 10;
    private static final int LONGEST_HEADER = 12;

    private final EgressBurst burst;
    private final PieceReader reader;
    private final Effort effort;
    /** The buffers of the chain taken last. */
    private final Segments buffers = new Segments();
    private final Segments merged = new Segments();
    private final int[] capacities = new int[Segments.MAX_SEGMENTS];
    private final Scratch memory = Scratch.of(LONGEST_HEADER);
    private final long headerEnd = memory.address() + LONGEST_HEADER;
    /** The result of {@link DeviceRing#next} for the chain taken last. */
    private int taken;
    /** The number of buffers taken for one frame. */
    private int count;
    private int piece;
    private int offset;

    /**
     * Creates a writer to scattered buffers.
     *
     * @param reader reads the bytes that follow the headers
     */
    ScatteredEgress(final EgressBurst burst, final PieceReader reader, final Effort effort) {
        this.effort = effort;
        this.burst = burst;
        this.reader = reader;
    }

    /** Takes the first chain for what is delivered next, if the ring has one. */
    void takeFirst(final DeviceRing ring) {
        taken = ring.next(buffers, true);
    }

    /** Delivers a frame unchanged, starting with the {@linkplain #takeFirst first} chain, or drops and counts it. */
    void deliverWhole(final Frame frame, final ReceiveQueue queue, final DeviceRing ring) {
        final int headerLength = ring.headerLength();
        if (frame.needs() == 0) {
            VnetHeader.writePlain(headerEnd - headerLength, headerLength, 1);
        } else {
            frame.header().write(headerEnd - headerLength, headerLength, 1);
        }
        reader.begin(frame, 0);
        deliver(frame, headerEnd, 0, frame.totalLength(), queue, ring);
    }

    /**
     * Delivers a prefix followed by bytes from the reader, starting with the {@linkplain #takeFirst first} chain, or
     * counts a drop.
     *
     * @param frame the frame that the bytes belong to
     * @param prefix the address of the prefix; the virtio-net header lies directly before it
     * @return whether the bytes were delivered
     */
    boolean deliver(final Frame frame, final long prefix, final int prefixLength, final int payloadLength,
                    final ReceiveQueue queue, final DeviceRing ring) {
        final boolean delivered = deliver(prefix, prefixLength, payloadLength, queue, ring);
        effort.spend(frame, 2L * frame.count());
        effort.spend(frame, prefixLength + payloadLength, ring.work() + (long) Effort.BUFFER * count, queue);
        ring.clearWork();
        return delivered;
    }

    private boolean deliver(final long prefix, final int prefixLength, final int payloadLength,
                            final ReceiveQueue queue, final DeviceRing ring) {
        final int headerLength = ring.headerLength();
        final int needed = headerLength + prefixLength + payloadLength;
        count = 0;
        merged.clear();
        while (taken == DeviceRing.TAKEN && merged.addAll(buffers)) {
            capacities[count++] = buffers.totalLength();
            if (merged.totalLength() >= needed || !ring.mergeable() || ring.work() > Effort.BURST) {
                break;
            }
            taken = count == capacities.length ? DeviceRing.EMPTY : ring.next(buffers, true);
        }
        if (taken == DeviceRing.BAD) {
            returnEmpty(queue, ring);
            return false;
        }
        if (taken == DeviceRing.BROKEN) {
            queue.breakRing();
            queue.counters().dropped(DropReason.BAD_BUFFER);
            return false;
        }
        if (merged.totalLength() < needed) {
            ring.rewind(ring.out());
            queue.counters().dropped(taken == DeviceRing.EMPTY ? queue.noBuffer() : DropReason.SMALL_BUFFER);
            return false;
        }
        if (headerLength > NUM_BUFFERS) {
            Memory.putShort(prefix - headerLength + NUM_BUFFERS, (short) count);
        }
        piece = 0;
        offset = 0;
        fillFrom(prefix - headerLength, headerLength + prefixLength);
        fillFromReader(payloadLength);
        if (ring.log() != null) {
            ring.log().written(merged, needed);
        }
        use(ring, needed);
        burst.recordDelivered(queue, prefixLength + payloadLength);
        return true;
    }

    /** Adds the buffers of the last frame, for the search for a fault. */
    void addTouched(final TouchedRanges ranges) {
        ranges.add(buffers, true);
        ranges.add(merged, true);
    }

    private void use(final DeviceRing ring, final int bytes) {
        if (count > 1) {
            Memory.surfaceFault(); // a fault between two uses would split merged buffers
        }
        int left = bytes;
        for (int i = 0; i < count; i++) {
            final int written = Math.min(left, capacities[i]);
            ring.use(written);
            left -= written;
        }
    }

    /** Returns an unusable buffer empty, and the good buffers before it too, since buffers are returned in order. */
    private void returnEmpty(final ReceiveQueue queue, final DeviceRing ring) {
        for (int i = 0; i <= count; i++) {
            ring.use(0);
        }
        queue.counters().dropped(DropReason.BAD_BUFFER);
        burst.touch(queue);
    }

    /** Fills the next bytes of the merged buffers from an address. */
    private void fillFrom(final long from, final int length) {
        int done = 0;
        while (done < length) {
            final int n = room(length - done);
            Memory.copy(from + done, merged.address(piece) + offset, n);
            done += n;
            advance(n);
        }
    }

    /** Fills the next bytes of the merged buffers from the reader. */
    private void fillFromReader(final int length) {
        int left = length;
        while (left > 0) {
            final int n = room(left);
            reader.copy(merged.address(piece) + offset, n);
            left -= n;
            advance(n);
        }
    }

    private int room(final int wanted) {
        return Math.min(wanted, merged.length(piece) - offset);
    }

    private void advance(final int bytes) {
        offset += bytes;
        if (offset == merged.length(piece)) {
            piece++;
            offset = 0;
        }
    }
}
