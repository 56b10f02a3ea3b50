package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.frame.Ethernet;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.Segmenter;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.ReceiveQueue;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.Features;

/**
 * Sees to frames that cannot go as they are: drops those over the MTU of their port, and delivers those whose virtio-net header asks
 * for what the receiver did not negotiate, with their checksum completed, or in segments. Owned by one worker.
 */
final class OffloadEgress {
    private static final int LONGEST_ETHERNET_HEADER = Ethernet.HEADER + Ethernet.MAX_TAGS * Ethernet.TAG;

    private final long scratch = Memory.allocate(LONGEST_ETHERNET_HEADER);
    private final ScatteredEgress scattered;
    private final Segments buffers;
    private final Segmenter segmenter;
    private final Effort effort;

    OffloadEgress(final ScatteredEgress scattered, final Segmenter segmenter, final Segments buffers, final Effort effort) {
        this.effort = effort;
        this.scattered = scattered;
        this.buffers = buffers;
        this.segmenter = segmenter;
    }

    /** Whether a frame, or of one that is to be cut a segment, is too long for this MTU, Ethernet header and VLAN tags not counted. */
    boolean exceeds(final Frame frame, final int mtu) {
        if (frame.needs() != 0 && frame.header().isGso()) {
            return frame.header().longestPacket(frame) > mtu;
        }
        final int length = Math.min(LONGEST_ETHERNET_HEADER, frame.totalLength());
        frame.peek(scratch, length);
        return frame.totalLength() - Ethernet.payload(scratch, length) > mtu;
    }

    /** Delivers a frame that {@link #exceeds} the MTU, or has to be cut or completed; or drops it and counts why. */
    void deliver(final Frame frame, final ReceiveQueue queue, final DeviceRing ring) {
        if (exceeds(frame, queue.port().mtu())) {
            queue.counters().dropped(DropReason.MTU_EXCEEDED);
        } else {
            cut(frame, queue, ring);
        }
    }

    /** Delivers segment by segment. If one finds no room, or there are too many, the rest of the frame is one drop. */
    private void cut(final Frame frame, final ReceiveQueue queue, final DeviceRing ring) {
        segmenter.begin(frame, Features.has(ring.features(), Features.GUEST_CSUM));
        boolean going = true;
        while (going && segmenter.next()) {
            segmenter.writeHeader(ring.headerLength());
            effort.spend(frame, Effort.SEGMENT + (segmenter.payloadLength() >>> Effort.BYTES));
            going = scattered.deliver(frame, segmenter.prefix(), segmenter.prefixLength(), segmenter.payloadLength(), queue, ring,
                ring.next(buffers, true));
        }
        if (going && segmenter.isLimited()) {
            queue.counters().dropped(DropReason.SEGMENT_LIMIT);
        }
    }
}
