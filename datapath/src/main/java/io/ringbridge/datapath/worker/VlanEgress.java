package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.frame.VlanTag;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.PortVlan;

/**
 * Gives frames the form in which they leave by a port with VLANs: with a tag or without, as that port has it. Nothing is copied but
 * the tag, which lies in memory of the worker's own until the frame is. Owned by one worker.
 */
final class VlanEgress {
    private static final long SLOT = 8;

    /** Never published: what is in it is delivered at once. */
    private final FrameRing leaving = new FrameRing(Ingress.BURST, true);
    private final long slots = Memory.allocate(Ingress.BURST * SLOT);

    /** Makes of frames that lie behind each other, {@link Ingress#BURST} at the most, what leaves; it begins at 0. */
    FrameRing leaving(final FrameRing frames, final long first, final int count, final PortVlan vlans) {
        for (int i = 0; i < count; i++) {
            final long tag = frames.tag(first + i);
            leaving.get(i).leaving(frames.get(first + i), tag, vlans.tags(VlanTag.vlan(tag)), slots + i * SLOT);
        }
        return leaving;
    }
}
