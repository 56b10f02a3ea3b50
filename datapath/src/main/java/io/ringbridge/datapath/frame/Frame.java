package io.ringbridge.datapath.frame;

import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.port.Sink;
import io.ringbridge.datapath.port.Source;

/**
 * One frame on its way: where its bytes are, in the sender's memory or in an uplink's buffer, and what was read of it, once, on the
 * way in.
 *
 * <p>An entry of a {@link FrameRing}, reused for ever. Written by the worker that took the frame, read by the worker that delivers
 * it; the ring's publication orders the two. The pieces begin with the Ethernet header. An entry takes 64 bytes: with one field
 * more, packed rings move fewer frames per second.
 */
public final class Frame extends Segments {
    /** The bytes of an address, as a little-endian word has them. */
    public static final long ADDRESS_MASK = 0xFFFF_FFFF_FFFFL;

    private Verdict verdict = Verdict.DROP;
    private Sink receiver;
    /** A port index, below 2^16. */
    private char source;
    private char flow;
    private int needs;
    private final VnetHeader header = new VnetHeader();
    private Source origin;

    /** What is to become of a frame. */
    public enum Verdict {
        /** Nothing: it was dropped, and counted, on the way in. */
        DROP,
        /** Not decided yet: its descriptors are good, and its header is to be read. */
        ACCEPTED,
        /** It goes to one queue. */
        UNICAST,
        /** It goes to every port without VLANs but the one it came from. */
        FLOOD,
        /** It goes to every port in its VLAN but the one it came from. */
        FLOOD_VLAN
    }

    public Verdict verdict() {
        return verdict;
    }

    /** The queue it goes to, when it is unicast. */
    public Sink receiver() {
        return receiver;
    }

    /** Whether it goes to this queue alone. */
    public boolean goesTo(final Sink queue) {
        return verdict == Verdict.UNICAST && receiver == queue;
    }

    /** Whether it goes to the same ports as another that is flooded, where both are in the same VLAN. */
    public boolean floodsAs(final Frame other) {
        return verdict == other.verdict && source == other.source;
    }

    /** The index of the port it came from. */
    public int source() {
        return source;
    }

    /** A number that all frames of a flow have in common. */
    public int flow() {
        return flow;
    }

    /**
     * The features that a receiver has to have negotiated to take it as it is, as in the feature word, of which they are in the lower
     * half; 0 for a plain frame, whose virtio-net header asks for nothing.
     */
    public int needs() {
        return needs;
    }

    /** What its virtio-net header asks for, unless it is a plain frame. */
    public VnetHeader header() {
        return header;
    }

    /** The queue to which the work for it is billed, if another worker has taken it; else null. */
    public Source origin() {
        return origin;
    }

    /** Notes the queue to which the work for it is billed. */
    public void origin(final Source queue) {
        origin = queue;
    }

    /** Notes that its descriptors are good; a plain frame as far as is known. */
    public void accept() {
        verdict = Verdict.ACCEPTED;
        origin = null;
        needs = 0;
    }

    /** Notes that its header was checked, and asks for something. */
    public void needs(final int features) {
        needs = features;
    }

    /** Decides that it goes no further. */
    public void drop() {
        verdict = Verdict.DROP;
    }

    /** Decides that it goes to one queue. */
    public void unicast(final Sink to) {
        verdict = Verdict.UNICAST;
        receiver = to;
    }

    /** Decides that it goes to every port without VLANs but one. */
    public void flood(final int fromPort, final int flowHash) {
        verdict = Verdict.FLOOD;
        source = (char) fromPort;
        flow = (char) flowHash;
    }

    /** Decides that it goes to every port in its VLAN but one. */
    public void floodVlan(final int fromPort, final int flowHash) {
        flood(fromPort, flowHash);
        verdict = Verdict.FLOOD_VLAN;
    }

    /**
     * Becomes another, which is in a VLAN, as it leaves by a port: with a tag or without. The bytes stay where they are, but for those of
     * the tag and the type after it.
     *
     * @param tag the other's, as in {@link VlanTag}
     * @param tagged whether it gets a tag for its VLAN
     * @param slot 8 bytes of the caller's, which last as long as this is used
     */
    public void leaving(final Frame other, final long tag, final boolean tagged, final long slot) {
        final int replaced = VlanTag.replaced(tag);
        final int length = VlanTag.write(tag, tagged, slot);
        splice(other, Ethernet.ADDRESSES, replaced, slot, length);
        origin = other.origin;
        needs = other.needs;
        if (needs != 0) {
            header.copyOf(other.header);
            header.shift(length - replaced);
        }
    }

    /** Becomes a copy of another entry, of another worker's ring. */
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
