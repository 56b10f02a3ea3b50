package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.os.Scratch;
import io.ringbridge.datapath.packet.VlanTag;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.Sink;

/**
 * Adds or strips VLAN tags as the receiving port requires. Only the tag is copied, to memory of the worker, where it
 * stays until the frame is delivered.
 *
 * <p>Owned by one worker.
 */
final class VlanEgress {
    private static final long SLOT = 8;

    /** Never published: the worker delivers its frames at once. */
    private final FrameRing prepared = new FrameRing(Ingress.BURST, true);
    private final Scratch memory = Scratch.of(Ingress.BURST * SLOT);
    private final long slots = memory.address();

    /**
     * Prepares consecutive frames, at most {@link Ingress#BURST}, and puts the results into {@link #prepared()}. Ends
     * at a frame that is to be dropped: a trunk would strip its priority tag and so expose a second tag, which would
     * change its VLAN.
     *
     * @return the number of frames prepared; the frame after them is to be dropped if this is less than {@code count}
     */
    int prepare(final FrameRing frames, final long first, final int count, final Sink sink) {
        final PortVlan vlans = sink.port().vlan();
        assert vlans != null : "frames for ports without VLANs are delivered as they are";
        for (int i = 0; i < count; i++) {
            final long tag = frames.tag(first + i);
            final boolean tagged = vlans.tags(VlanTag.vlan(tag));
            if (!tagged && vlans.isTrunk() && VlanTag.hidesAnother(tag)) {
                return i;
            }
            prepared.get(i).retag(frames.get(first + i), tag, tagged, slots + i * SLOT);
        }
        return count;
    }

    /** Returns the {@linkplain #prepare prepared} frames, from sequence 0 on. Valid until the next preparation. */
    FrameRing prepared() {
        return prepared;
    }
}
