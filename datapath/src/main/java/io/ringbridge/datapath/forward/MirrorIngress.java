package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.bridge.Bridge;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Scratch;
import io.ringbridge.datapath.packet.FlowHash;
import io.ringbridge.datapath.packet.VlanTag;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Mirror;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.Sink;
import io.ringbridge.datapath.port.Source;
import org.jspecify.annotations.Nullable;

import java.util.Arrays;

/**
 * Copies the frames of a burst for mirrors, once the bridge has decided on them. A copy is one more entry in the frame
 * ring of the worker that owns the destination's queue, with the same bytes; it is delivered like any other frame.
 *
 * <p>A copy never waits: it is dropped and counted if the destination takes no frames, or if it would need the half of
 * another worker's frame ring that is kept for ordinary frames.
 *
 * <p>Owned by one worker.
 */
final class MirrorIngress {
    private final int own;
    private final Inbox[] inboxes;
    private final FrameRing frames;
    private final Effort effort;
    private final long[] sequences;
    private final Scratch memory = Scratch.of(FlowHash.LOOK_AHEAD);
    private final long scratch = memory.address();
    /** The queue that receives the copy of each frame of the burst, or null. */
    private final @Nullable Sink[] receivers = new Sink[Ingress.BURST];

    /**
     * Creates the mirrors' side of a worker.
     *
     * @param own the worker's number
     * @param inboxes the inboxes of all workers
     * @param sequences per worker, the last sequence in its frame ring with a frame of the current burst; this class
     *     adds those of the copies
     */
    MirrorIngress(final int own, final Inbox[] inboxes, final Effort effort, final long[] sequences) {
        this.own = own;
        this.inboxes = inboxes;
        frames = inboxes[own].frames();
        this.effort = effort;
        this.sequences = sequences;
    }

    /**
     * Copies the frames of a burst that a mirror selects. The burst is not recorded yet.
     *
     * @param position the position of the mirror among all
     * @param last the last entry of the worker's own ring that its caller publishes
     * @return the last entry that it publishes now
     */
    long copy(final Mirror mirror, final int position, final long first, final int count, final Source source,
              final long last) {
        select(mirror, first, count, source.port());
        Memory.surfaceFault(); // not between claiming an entry and publishing it
        long end = last;
        for (int i = 0; i < count; i++) {
            final Sink to = receivers[i];
            if (to != null) {
                end = pass(frames.get(first + i), mirror, position, to, source, end);
            }
        }
        return end;
    }

    private void select(final Mirror mirror, final long first, final int count, final Port from) {
        final Sink[] queues = mirror.to().receivers();
        final boolean every = mirror.copiesFrom(from);
        final int vlan = from.vlan() == null ? 0 : mirror.vlan();
        final Port to = mirror.copiesTo();
        Arrays.fill(receivers, null);
        for (int i = 0; i < count; i++) {
            final Frame frame = frames.get(first + i);
            if (isWellFormed(frame) && (every || vlan != 0 && VlanTag.vlan(frames.tag(first + i)) == vlan
                || to != null && goesTo(to, first + i, from))) {
                if (queues.length > 0) {
                    receivers[i] = queues.length == 1 ? queues[0] : Bridge.spread(queues, FlowHash.of(frame, scratch));
                } else {
                    mirror.counters(own).dropped(DropReason.NO_RECEIVER);
                }
            }
        }
    }

    /** Whether the bridge has decided on a frame. Chains that contain no valid frame did not come that far. */
    private static boolean isWellFormed(final Frame frame) {
        final DropReason reason = frame.dropReason();
        return reason == null || switch (reason) {
            case BAD_DESCRIPTOR, SHORT_FRAME, OVERSIZE_FRAME, BAD_OFFLOAD, UNFINISHED, QUEUE_DISABLED -> false;
            default -> true;
        };
    }

    /** Whether the bridge sends a frame to a port, also if another worker delivers it. */
    private boolean goesTo(final Port port, final long sequence, final Port from) {
        final Frame frame = frames.get(sequence);
        return switch (frame.verdict()) {
            case FLOOD -> isFlooded(port, 0, from);
            case FLOOD_VLAN -> isFlooded(port, VlanTag.vlan(frames.tag(sequence)), from);
            default -> frame.dropReason() == null && frame.receiver().port() == port;
        };
    }

    private static boolean isFlooded(final Port port, final int vlan, final Port from) {
        return port != from && port.receivers().length > 0 && port.carries(vlan);
    }

    private long pass(final Frame frame, final Mirror mirror, final int position, final Sink to, final Source source,
                      final long last) {
        final int worker = to.owner().index();
        final FrameRing ring = inboxes[worker].frames();
        final boolean alone = inboxes.length == 1;
        final long sequence = alone || !ring.isHalfFull() ? ring.claim(1) : FrameRing.FULL;
        if (sequence == FrameRing.FULL) {
            mirror.counters(own).dropped(DropReason.FRAME_RING_FULL);
            return last;
        }
        ring.get(sequence).mirror(frame, position, to, worker == own ? null : source);
        effort.spend(Effort.FRAME + frame.count() + (frame.totalLength() >>> Effort.BYTES));
        sequences[worker] = sequence;
        if (alone) {
            return sequence; // after the burst in a ring with one producer, and published with it
        }
        ring.publish(sequence, sequence);
        return last;
    }
}
