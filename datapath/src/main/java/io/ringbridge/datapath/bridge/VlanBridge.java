package io.ringbridge.datapath.bridge;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.os.Scratch;
import io.ringbridge.datapath.packet.FlowHash;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.packet.VlanTag;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.Sink;
import io.ringbridge.datapath.port.Source;
import org.jspecify.annotations.Nullable;

/**
 * Decides where each frame from a port with VLANs goes: determines the frame's VLAN, and learns and finds stations in
 * that VLAN.
 *
 * <p>Each worker has one beside its {@link Bridge}, which decides on the frames of all other ports and ignores tags.
 */
public final class VlanBridge {
    /** The position of the VLAN in the destination of a remembered verdict: above the address. */
    private static final int VLAN_SHIFT = 48;

    private final ForwardingTable table;
    private final PortList ports;
    private final Scratch memory = Scratch.of(FlowHash.LOOK_AHEAD);
    private final long scratch = memory.address();

    public VlanBridge(final ForwardingTable table, final PortList ports) {
        this.table = table;
        this.ports = ports;
    }

    /**
     * Decides where a frame goes, like {@link Bridge#classify}.
     *
     * @return the frame's tag and VLAN, in the form of {@link VlanTag}
     */
    public long classify(final Frame frame, final long destination, final long source, final Source from,
                         final int now) {
        final PortVlan vlans = from.port().vlan();
        assert vlans != null : "the frames of a port without VLANs are decided by the other bridge";
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

    /** Returns the reason to drop a frame, or null if the port accepts it. */
    private static @Nullable DropReason refusal(final Frame frame, final long tag, final PortVlan vlans) {
        if (tag == VlanTag.MALFORMED) {
            return DropReason.VLAN_MALFORMED;
        }
        final int named = VlanTag.named(tag);
        if (named == 0) {
            return vlans.untagged() == 0 ? noVlan(vlans, DropReason.VLAN_UNTAGGED) : offloadRefusal(frame, tag);
        }
        return !vlans.isTrunk() ? DropReason.VLAN_TAGGED
            : !vlans.carries(named) ? noVlan(vlans, DropReason.VLAN_NOT_ALLOWED) : offloadRefusal(frame, tag);
    }

    private static DropReason noVlan(final PortVlan vlans, final DropReason usual) {
        return vlans.isReserved() ? DropReason.MIRROR_DESTINATION : usual;
    }

    /**
     * Returns the reason to drop a frame whose checksum request reaches into the tag, else null. The checksum would
     * cover a tag that the frame may leave without, or overwrite the tag.
     */
    private static @Nullable DropReason offloadRefusal(final Frame frame, final long tag) {
        return frame.needs() == 0 || frame.header().allowsTags(VlanTag.header(tag)) ? null : DropReason.BAD_OFFLOAD;
    }

    private void decideForGroup(final Frame frame, final long group, final Source from) {
        if (ReservedGroups.isRefused(group, from.port())) {
            Bridge.drop(frame, from, DropReason.RESERVED_GROUP);
        } else {
            frame.floodVlan(from.port().index(), FlowHash.of(frame, scratch));
        }
    }

    private void decide(final Frame frame, final int vlan, final @Nullable Port to, final Source from,
                        final long station, final long source, final long stamp) {
        if (to == null) {
            frame.floodVlan(from.port().index(), FlowHash.of(frame, scratch));
        } else if (to == from.port()) {
            Bridge.drop(frame, from, DropReason.SAME_PORT);
        } else if (!to.carries(vlan)) {
            Bridge.drop(frame, from, DropReason.VLAN_NOT_ALLOWED); // a static station on a port outside its VLAN
        } else {
            Bridge.unicast(frame, to, from, station, source, stamp, scratch);
        }
    }
}
