package io.ringbridge.datapath.frame;

import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.packet.Ethernet;
import io.ringbridge.datapath.packet.FlowHash;
import io.ringbridge.datapath.packet.VlanTag;
import io.ringbridge.datapath.packet.VnetHeader;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Sink;
import io.ringbridge.datapath.port.Source;
import org.jspecify.annotations.Nullable;

/**
 * One frame on its way through the switch: the location of its bytes, in the sender's memory or in an uplink's buffer,
 * and the verdict on it. Header fields are read once, when the frame is taken.
 *
 * <p>An entry of a {@link FrameRing}, which is reused forever. The worker that took the frame writes it, and the worker
 * that delivers the frame reads it; the ring's publication orders the two. The first piece starts with the Ethernet
 * header. An entry takes 64 bytes: with one more field, packed rings move fewer frames per second.
 */
public final class Frame extends Segments {
    /** The bytes of an address in a little-endian word. */
    public static final long ADDRESS_MASK = 0xFFFF_FFFF_FFFFL;

    private Verdict verdict = Verdict.DROP;
    private @Nullable Sink receiver;
    /** A port index, below 2^16; of a copy, the position of its mirror. */
    private char source;
    /** The hash of a flooded frame; of a dropped frame, the ordinal of the reason plus 1, or 0. */
    private char flow;
    private int needs;
    private final VnetHeader header = new VnetHeader();
    private @Nullable Source origin;

    /** The decision about a frame. */
    public enum Verdict {
        /** The frame was dropped and counted on ingress. */
        DROP,
        /** Not decided yet: the descriptors are valid, and the header has not been read. */
        ACCEPTED,
        /** The frame goes to one queue. */
        UNICAST,
        /** The frame goes to every port without VLANs, except its source port. */
        FLOOD,
        /** The frame goes to every port in its VLAN, except its source port. */
        FLOOD_VLAN
    }

    public Verdict verdict() {
        return verdict;
    }

    /** Returns the queue that a unicast frame goes to. */
    public Sink receiver() {
        assert receiver != null : "only a unicast frame has a receiver";
        return receiver;
    }

    /** Whether the frame goes to this queue alone. */
    public boolean isFor(final Sink queue) {
        return verdict == Verdict.UNICAST && receiver == queue;
    }

    /** Whether the frame is flooded to the same ports as another flooded frame of the same VLAN. */
    public boolean floodsAs(final Frame other) {
        return verdict == other.verdict && source == other.source;
    }

    /** Returns the index of the port that a flooded frame came from. */
    public int source() {
        return source;
    }

    /** Returns the position of the mirror that made this copy. It is undefined for other frames. */
    public int mirror() {
        return source;
    }

    /** Returns the {@link FlowHash} of a flooded frame. */
    public int flow() {
        return flow;
    }

    /**
     * Returns the features that a receiver must have negotiated to get the frame unchanged: bits of the lower half of
     * the feature word. They are 0 for a plain frame, whose virtio-net header requests nothing.
     */
    public int needs() {
        return needs;
    }

    /** Returns the requests of the virtio-net header. They are undefined for a plain frame. */
    public VnetHeader header() {
        return header;
    }

    /** Returns the queue that is billed for the work on the frame if another worker took the frame, else null. */
    public @Nullable Source origin() {
        return origin;
    }

    /** Sets the queue that is billed for the work on the frame. */
    public void origin(final Source queue) {
        origin = queue;
    }

    /** Records that the descriptors are valid. The frame counts as plain until {@link #needs(int)}. */
    public void accept() {
        verdict = Verdict.ACCEPTED;
        origin = null;
        needs = 0;
    }

    /** Records that the header is valid and requests something. */
    public void needs(final int features) {
        needs = features;
    }

    /** Decides that the worker delivers nothing, for no reason that is counted as a drop. */
    public void drop() {
        verdict = Verdict.DROP;
        flow = 0;
    }

    /** Decides to drop the frame, for a reason that the caller counts. */
    public void drop(final DropReason reason) {
        verdict = Verdict.DROP;
        flow = (char) (reason.ordinal() + 1);
    }

    /** Returns the reason why the frame was dropped; null if there is none, or if the frame was not dropped. */
    public @Nullable DropReason dropReason() {
        return verdict == Verdict.DROP && flow != 0 ? DropReason.at(flow - 1) : null;
    }

    /** Decides to send the frame to one queue. */
    public void unicast(final Sink to) {
        verdict = Verdict.UNICAST;
        receiver = to;
    }

    /** Decides to flood the frame to every port without VLANs, except one. */
    public void flood(final int fromPort, final int flowHash) {
        verdict = Verdict.FLOOD;
        source = (char) fromPort;
        flow = (char) flowHash;
    }

    /** Decides to flood the frame to every port in its VLAN, except one. */
    public void floodVlan(final int fromPort, final int flowHash) {
        flood(fromPort, flowHash);
        verdict = Verdict.FLOOD_VLAN;
    }

    /**
     * Becomes another frame, which is in a VLAN, in the form in which it leaves by a port: tagged or untagged. Only the
     * tag and the type after it are written anew; all other bytes stay in place.
     *
     * @param tag the other frame's tag, in the form of {@link VlanTag}
     * @param tagged whether the frame leaves with a tag for its VLAN
     * @param slot 8 bytes of the caller's, which must last as long as this frame is used
     */
    public void retag(final Frame other, final long tag, final boolean tagged, final long slot) {
        final int replaced = VlanTag.replaced(tag);
        final int length = VlanTag.write(tag, tagged, slot);
        splice(other, Ethernet.ADDRESSES, replaced, slot, length);
        origin = other.origin;
        needs = other.needs;
        if (needs != 0) {
            header.copyOf(other.header);
            header.moveBy(length - replaced);
        }
    }

    /**
     * Becomes the copy of another frame that a mirror sends to a queue.
     *
     * @param position the position of the mirror among all
     * @param billed the queue that is billed for the work on the copy, or null if this worker took the frame
     */
    public void mirror(final Frame other, final int position, final Sink to, final @Nullable Source billed) {
        copyOf(other);
        unicast(to);
        source = (char) position;
        origin = billed;
    }

    /** Becomes a copy of another entry. */
    public void copyOf(final Frame other) {
        clear();
        addAll(other);
        verdict = other.verdict;
        receiver = other.receiver;
        source = other.source;
        flow = other.flow;
        needs = other.needs;
        if (needs != 0) {
            header.copyOf(other.header);
        }
    }
}
