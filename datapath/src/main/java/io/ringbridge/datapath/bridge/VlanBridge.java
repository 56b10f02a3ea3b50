package io.ringbridge.datapath.bridge;

import io.ringbridge.datapath.frame.FlowHash;
import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.VlanTag;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.Sink;
import io.ringbridge.datapath.port.Source;

/**
 * The verdict on each frame that came in by a port with VLANs: finds the VLAN that it is in, and learns and looks up there.
 *
 * <p>One a worker, beside its {@link Bridge}, which decides on the frames of all other ports and so knows nothing of tags.
 */
public final class VlanBridge {
    /** Where a VLAN is in the word that a verdict is remembered by: above the address. */
    private static final int VLAN_SHIFT = 48;

    private final ForwardingTable table;
    private final Bridge.PortTable ports;
    private final long scratch = Memory.allocate(FlowHash.LOOK_AHEAD);

    /** Makes the bridge of a worker. */
    public VlanBridge(final ForwardingTable table, final Bridge.PortTable ports) {
        this.table = table;
        this.ports = ports;
    }

    /**
     * Decides what becomes of a frame, as {@link Bridge#classify} does.
     *
     * @return its tag, as in {@link VlanTag}, with the VLAN that it is in
     */
    public long classify(final Frame frame, final long destination, final long source, final Source from, final int now) {
        final PortVlan vlans = from.port().vlan();
        final long tag = VlanTag.read(frame, scratch);
        final DropReason refusal = refusal(frame, tag, vlans);
        if (refusal != null) {
            Bridge.drop(frame, from, refusal);
            return tag;
        }
        final int vlan = VlanTag.named(tag) != 0 ? VlanTag.named(tag) : vlans.untagged();
        final long stamp = table.version() << 32 ^ now;
        final long station = destination | (long) vlan << VLAN_SHIFT;
        final Sink last = from.lastReceiver(station, source, stamp);
        if (last != null) {
            frame.unicast(last);
        } else {
            if (!MacAddress.isGroup(source) && ReservedGroups.isLearnedFrom(destination)) {
                table.learn(ForwardingTable.key(source, vlan), from.port().index(), now);
            }
            if (MacAddress.isGroup(destination)) {
                decideForGroup(frame, destination, from);
            } else {
                final Port to = Bridge.find(table, ports, ForwardingTable.key(destination, vlan), from, now);
                decide(frame, vlan, to, from, station, source, stamp);
            }
        }
        return tag | vlan;
    }

    /** Why a frame is not taken; null where it is. */
    private static DropReason refusal(final Frame frame, final long tag, final PortVlan vlans) {
        if (tag == VlanTag.MALFORMED) {
            return DropReason.VLAN_MALFORMED;
        }
        final int named = VlanTag.named(tag);
        if (named == 0) {
            return vlans.untagged() == 0 ? DropReason.VLAN_UNTAGGED : offloadRefusal(frame, tag);
        }
        return !vlans.isTrunk() ? DropReason.VLAN_TAGGED : !vlans.carries(named) ? DropReason.VLAN_NOT_ALLOWED : offloadRefusal(frame, tag);
    }

    /** A checksum that reaches into the tag would be computed over one that is not there any more, or be written over it. */
    private static DropReason offloadRefusal(final Frame frame, final long tag) {
        return frame.needs() == 0 || frame.header().allowsTags(VlanTag.header(tag)) ? null : DropReason.BAD_OFFLOAD;
    }

    private void decideForGroup(final Frame frame, final long group, final Source from) {
        if (ReservedGroups.isRefused(group, from.port())) {
            Bridge.drop(frame, from, DropReason.RESERVED_GROUP);
        } else {
            frame.floodVlan(from.port().index(), FlowHash.of(frame, scratch));
        }
    }

    private void decide(final Frame frame, final int vlan, final Port to, final Source from, final long station, final long source,
                        final long stamp) {
        if (to == null) {
            frame.floodVlan(from.port().index(), FlowHash.of(frame, scratch));
        } else if (to == from.port()) {
            Bridge.drop(frame, from, DropReason.SAME_PORT);
        } else if (!to.carries(vlan)) {
            Bridge.drop(frame, from, DropReason.VLAN_NOT_ALLOWED); // a station that was set by hand where it cannot be
        } else {
            Bridge.unicast(frame, to, from, station, source, stamp, scratch);
        }
    }
}
