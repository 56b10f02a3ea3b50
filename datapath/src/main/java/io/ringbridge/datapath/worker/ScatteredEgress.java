package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameReader;
import io.ringbridge.datapath.frame.VnetHeader;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.ReceiveQueue;
import io.ringbridge.datapath.ring.DeviceRing;

/** Delivers into receive buffers of any shape: of several pieces, or several that are merged. Owned by one worker. */
final class ScatteredEgress {
    private static final int NUM_BUFFERS = 10;
    private static final int LONGEST_HEADER = 12;

    private final EgressBurst burst;
    private final FrameReader reader;
    private final Segments buffers;
    private final Effort effort;
    private final Segments merged = new Segments();
    private final int[] capacities = new int[Segments.MAX_SEGMENTS];
    private final long headerEnd = Memory.allocate(LONGEST_HEADER) + LONGEST_HEADER;
    /** Buffers taken for one frame. */
    private int count;
    private int piece;
    private int offset;

    /**
     * Makes one.
     *
     * @param reader what comes after the headers is read with
     * @param buffers where chains are taken to
     */
    ScatteredEgress(final EgressBurst burst, final FrameReader reader, final Segments buffers, final Effort effort) {
        this.effort = effort;
        this.burst = burst;
        this.reader = reader;
        this.buffers = buffers;
    }

    /**
     * Delivers a frame as it is, or drops it and counts why.
     *
     * @param taken what {@link DeviceRing#next} answered when it took the first chain
     */
    void whole(final Frame frame, final ReceiveQueue queue, final DeviceRing ring, final int taken) {
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
     * Delivers some bytes of the caller's, before which their virtio-net header is, and then bytes of the reader's; or counts the drop.
     *
     * @param frame what they are of
     * @param taken what {@link DeviceRing#next} answered when it took the first chain
     * @return whether they were delivered
     */
    boolean deliver(final Frame frame, final long prefix, final int prefixLength, final int payloadLength, final ReceiveQueue queue,
                    final DeviceRing ring, final int taken) {
        final boolean delivered = deliver(prefix, prefixLength, payloadLength, queue, ring, taken);
        effort.spend(frame, 2L * frame.count());
        effort.spend(frame, prefixLength + payloadLength, ring.work() + (long) Effort.BUFFER * count, queue);
        ring.clearWork();
        return delivered;
    }

    private boolean deliver(final long prefix, final int prefixLength, final int payloadLength, final ReceiveQueue queue,
                            final DeviceRing ring, final int taken) {
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
            giveUp(queue, ring);
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
        burst.done(queue, 1, prefixLength + (long) payloadLength);
        return true;
    }

    /** Adds the buffers of the last frame, to look for a fault. */
    void addTouched(final TouchedRanges ranges) {
        ranges.add(merged, true);
    }

    private void use(final DeviceRing ring, final int bytes) {
        if (count > 1) {
            Memory.surfaceFault(); // not between two of them, which belong together
        }
        int left = bytes;
        for (int i = 0; i < count; i++) {
            final int written = Math.min(left, capacities[i]);
            ring.use(written);
            left -= written;
        }
    }

    /** Gives an unusable buffer back empty, the good ones before it too, since buffers go back in order. */
    private void giveUp(final ReceiveQueue queue, final DeviceRing ring) {
        for (int i = 0; i <= count; i++) {
            ring.use(0);
        }
        queue.counters().dropped(DropReason.BAD_BUFFER);
        burst.touch(queue);
    }

    /** Fills the next bytes of the merged pieces, from an address or, where that is 0, from the reader. */
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
