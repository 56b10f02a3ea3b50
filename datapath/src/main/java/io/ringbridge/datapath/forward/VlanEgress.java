package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.packet.VlanTag;
import io.ringbridge.datapath.port.DropReason;
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
    private final FrameRecorder recorder;
    private final long slots = Memory.allocate(Ingress.BURST * SLOT);

    /**
     * Creates a preparation.
     *
     * @param recorder records the frames that are dropped
     */
    VlanEgress(final FrameRecorder recorder) {
        this.recorder = recorder;
    }

    /**
     * Prepares consecutive frames, at most {@link Ingress#BURST}, and puts the results into {@link #prepared()}. If a
     * trunk would strip a frame's priority tag and so expose a second tag, the frame is dropped and counted: it would
     * change its VLAN.
     *
     * @return the number of frames prepared
     */
    int prepare(final FrameRing frames, final long first, final int count, final Sink sink) {
        final PortVlan vlans = sink.port().vlan();
        assert vlans != null : "frames for ports without VLANs are delivered as they are";
        int leave = 0;
        for (int i = 0; i < count; i++) {
            final long tag = frames.tag(first + i);
            final boolean tagged = vlans.tags(VlanTag.vlan(tag));
            if (!tagged && vlans.isTrunk() && VlanTag.hidesAnother(tag)) {
                sink.counters().dropped(DropReason.VLAN_TAGGED);
                recorder.left(frames.get(first + i), sink, DropReason.VLAN_TAGGED);
            } else {
                prepared.get(leave).retag(frames.get(first + i), tag, tagged, slots + leave * SLOT);
                leave++;
            }
        }
        return leave;
    }

    /** Returns the {@linkplain #prepare prepared} frames, from sequence 0 on. Valid until the next preparation. */
    FrameRing prepared() {
        return prepared;
    }
}
