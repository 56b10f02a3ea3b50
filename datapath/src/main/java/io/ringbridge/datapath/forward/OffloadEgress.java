package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.os.Scratch;
import io.ringbridge.datapath.packet.Ethernet;
import io.ringbridge.datapath.packet.Segmenter;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.ReceiveQueue;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.Features;

/**
 * Handles frames that cannot be delivered unchanged. Drops frames that exceed the MTU of their port. If a virtio-net
 * header requests an offload that the receiver did not negotiate, completes the checksum or delivers segments.
 *
 * <p>Owned by one worker.
 */
final class OffloadEgress {
    private static final int LONGEST_ETHERNET_HEADER = Ethernet.HEADER + Ethernet.MAX_TAGS * Ethernet.TAG;

    private final Scratch memory = Scratch.of(LONGEST_ETHERNET_HEADER);
    private final long scratch = memory.address();
    private final ScatteredEgress scattered;
    private final Segmenter segmenter;
    private final Effort effort;

    OffloadEgress(final ScatteredEgress scattered, final Segmenter segmenter, final Effort effort) {
        this.effort = effort;
        this.scattered = scattered;
        this.segmenter = segmenter;
    }

    /** Returns whether a frame, or its longest segment, exceeds an MTU. Ethernet header and VLAN tags do not count. */
    boolean exceeds(final Frame frame, final int mtu) {
        if (frame.needs() != 0 && frame.header().isGso()) {
            return frame.header().longestPacket(frame) > mtu;
        }
        final int length = Math.min(LONGEST_ETHERNET_HEADER, frame.totalLength());
        frame.peek(scratch, length);
        return frame.totalLength() - Ethernet.payload(scratch, length) > mtu;
    }

    /** Delivers a frame in segments or with its checksum completed. Drops a frame that {@link #exceeds} the MTU. */
    void deliver(final Frame frame, final ReceiveQueue queue, final DeviceRing ring) {
        if (exceeds(frame, queue.port().mtu())) {
            queue.counters().dropped(DropReason.MTU_EXCEEDED);
        } else {
            deliverSegments(frame, queue, ring);
        }
    }

    /** Delivers a frame segment by segment. If a segment finds no room or the limit is reached, counts one drop. */
    private void deliverSegments(final Frame frame, final ReceiveQueue queue, final DeviceRing ring) {
        segmenter.begin(frame, frame.header(), Features.has(ring.features(), Features.GUEST_CSUM));
        boolean going = true;
        while (going && segmenter.next()) {
            segmenter.writeHeader(ring.headerLength());
            effort.spend(frame, Effort.SEGMENT + (segmenter.payloadLength() >>> Effort.BYTES));
            scattered.takeFirst(ring);
            going = scattered.deliver(frame, segmenter.prefix(), segmenter.prefixLength(), segmenter.payloadLength(),
                queue, ring);
        }
        if (going && segmenter.isLimited()) {
            queue.counters().dropped(DropReason.SEGMENT_LIMIT);
        }
    }
}
