package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.memory.TouchedRanges;
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
    private final Segments buffers;
    private final Effort effort;
    private final Segments merged = new Segments();
    private final int[] capacities = new int[Segments.MAX_SEGMENTS];
    private final long headerEnd = Memory.allocate(LONGEST_HEADER) + LONGEST_HEADER;
    /** The number of buffers taken for one frame. */
    private int count;
    private int piece;
    private int offset;

    /**
     * Creates a writer to scattered buffers.
     *
     * @param reader reads the bytes that follow the headers
     * @param buffers receives the descriptors of a chain when it is taken
     */
    ScatteredEgress(final EgressBurst burst, final PieceReader reader, final Segments buffers, final Effort effort) {
        this.effort = effort;
        this.burst = burst;
        this.reader = reader;
        this.buffers = buffers;
    }

    /**
     * Delivers a frame unchanged, or drops and counts it.
     *
     * @param taken the result of {@link DeviceRing#next} for the first chain
     */
    void deliverWhole(final Frame frame, final ReceiveQueue queue, final DeviceRing ring, final int taken) {
        final int headerLength = ring.headerLength();
        if (frame.needs() == 0) {
            VnetHeader.writePlain(headerEnd - headerLength, headerLength, 1);
        } else {
            frame.header().write(headerEnd - headerLength, headerLength, 1);
        }
        reader.begin(frame, 0);
        deliver(frame, headerEnd, 0, frame.totalLength(), queue, ring, taken);
    }

    /**
     * Delivers a prefix followed by bytes from the reader, or counts a drop.
     *
     * @param frame the frame that the bytes belong to
     * @param prefix the address of the prefix; the virtio-net header lies directly before it
     * @param taken the result of {@link DeviceRing#next} for the first chain
     * @return whether the bytes were delivered
     */
    boolean deliver(final Frame frame, final long prefix, final int prefixLength, final int payloadLength,
                    final ReceiveQueue queue, final DeviceRing ring, final int taken) {
        final boolean delivered = deliver(prefix, prefixLength, payloadLength, queue, ring, taken);
        effort.spend(frame, 2L * frame.count());
        effort.spend(frame, prefixLength + payloadLength, ring.work() + (long) Effort.BUFFER * count, queue);
        ring.clearWork();
        return delivered;
    }

    private boolean deliver(final long prefix, final int prefixLength, final int payloadLength,
                            final ReceiveQueue queue, final DeviceRing ring, final int taken) {
        final int headerLength = ring.headerLength();
        final int needed = headerLength + prefixLength + payloadLength;
        int result = taken;
        count = 0;
        merged.clear();
        while (result == DeviceRing.TAKEN && merged.addAll(buffers)) {
            capacities[count++] = buffers.totalLength();
            if (merged.totalLength() >= needed || !ring.mergeable() || ring.work() > Effort.BURST) {
                break;
            }
            result = count == capacities.length ? DeviceRing.EMPTY : ring.next(buffers, true);
        }
        if (result == DeviceRing.BAD) {
            returnEmpty(queue, ring);
            return false;
        }
        if (result == DeviceRing.BROKEN) {
            queue.breakRing();
            queue.counters().dropped(DropReason.BAD_BUFFER);
            return false;
        }
        if (merged.totalLength() < needed) {
            ring.rewind(ring.out());
            queue.counters().dropped(result == DeviceRing.EMPTY ? queue.noBuffer() : DropReason.SMALL_BUFFER);
            return false;
        }
        if (headerLength > NUM_BUFFERS) {
            Memory.putShort(prefix - headerLength + NUM_BUFFERS, (short) count);
        }
        piece = 0;
        offset = 0;
        fill(prefix - headerLength, headerLength + prefixLength);
        fill(0, payloadLength);
        if (ring.log() != null) {
            ring.log().written(merged, needed);
        }
        use(ring, needed);
        burst.recordDelivered(queue, 1, prefixLength + (long) payloadLength);
        return true;
    }

    /** Adds the buffers of the last frame, for the search for a fault. */
    void addTouched(final TouchedRanges ranges) {
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

    /** Fills the next bytes of the merged buffers, from an address or, if that is 0, from the reader. */
    private void fill(final long from, final int length) {
        int done = 0;
        while (done < length) {
            final int n = Math.min(length - done, merged.length(piece) - offset);
            final long to = merged.address(piece) + offset;
            if (from == 0) {
                reader.copy(to, n);
            } else {
                Memory.copy(from + done, to, n);
            }
            done += n;
            offset += n;
            if (offset == merged.length(piece)) {
                piece++;
                offset = 0;
            }
        }
    }
}
