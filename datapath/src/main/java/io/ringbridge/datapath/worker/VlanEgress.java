package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.frame.VlanTag;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.Sink;

/**
 * Gives frames the form in which they leave by a port with VLANs: with a tag or without, as that port has it. Nothing is copied but
 * the tag, which lies in memory of the worker's own until the frame is. Owned by one worker.
 */
final class VlanEgress {
    private static final long SLOT = 8;

    /** Never published: what is in it is delivered at once. */
    private final FrameRing leaving = new FrameRing(Ingress.BURST, true);
    private final long slots = Memory.allocate(Ingress.BURST * SLOT);

    /**
     * Gives consecutive frames, {@link Ingress#BURST} at the most, the form in which they leave, in {@link #leaving()}.
     * A frame that would leave a trunk without its priority tag, and so in the VLAN of the tag behind that, is dropped
     * and counted.
     *
     * @return the number of frames that leave
     */
    int prepare(final FrameRing frames, final long first, final int count, final Sink sink) {
        final PortVlan vlans = sink.port().vlan();
        int leave = 0;
        for (int i = 0; i < count; i++) {
            final long tag = frames.tag(first + i);
            final boolean tagged = vlans.tags(VlanTag.vlan(tag));
            if (!tagged && vlans.isTrunk() && VlanTag.hidesAnother(tag)) {
                sink.counters().dropped(DropReason.VLAN_TAGGED);
            } else {
                leaving.get(leave).leaving(frames.get(first + i), tag, tagged, slots + leave * SLOT);
                leave++;
            }
        }
        return leave;
    }

    /** What was {@link #prepare prepared}, from 0 on; until the next time. */
    FrameRing leaving() {
        return leaving;
    }
}
