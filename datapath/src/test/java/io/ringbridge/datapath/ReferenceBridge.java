package io.ringbridge.datapath;

import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.PortVlan;

import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The simplest implementation of the bridge with VLANs that {@code docs/architecture.md} describes. Tests compare the
 * switch with it.
 */
final class ReferenceBridge {
    private final List<Membership> ports;
    private final Map<String, Integer> stations = new HashMap<>();

    /**
     * A port's VLANs.
     *
     * @param untagged the VLAN of untagged frames, or 0 for none
     * @param trunk the VLANs of tagged frames, or null on an access port and on a port without VLANs
     */
    record Membership(int untagged, Set<Integer> trunk) {
        static final Membership NONE = new Membership(0, null);

        static Membership access(final int vlan) {
            return new Membership(vlan, null);
        }

        static Membership trunk(final int nativeVlan, final Integer... allowed) {
            return new Membership(nativeVlan, Set.of(allowed));
        }

        PortVlan vlan() {
            final BitSet allowed = new BitSet();
            if (trunk != null) {
                trunk.forEach(allowed::set);
                return PortVlan.trunk(allowed, untagged);
            }
            return untagged == 0 ? null : PortVlan.access(untagged);
        }

        private boolean isIn(final int vlan) {
            return vlan == untagged || trunk != null && trunk.contains(vlan);
        }
    }

    /**
     * The result for a frame.
     *
     * @param drop the reason for a drop, or null
     * @param out the frame that leaves each port
     * @param refusedBy the trunks that drop the frame because its second tag would name another VLAN there
     */
    record Outcome(DropReason drop, Map<Integer, byte[]> out, Set<Integer> refusedBy) {
        private static Outcome of(final DropReason drop) {
            return new Outcome(drop, Map.of(), Set.of());
        }
    }

    ReferenceBridge(final List<Membership> ports) {
        this.ports = ports;
    }

    Outcome take(final int from, final byte[] frame) {
        final Membership port = ports.get(from);
        if (port.equals(Membership.NONE)) {
            return forward(from, frame, 0, frame, 0, false);
        }
        if (!Tags.isTagged(frame)) {
            return port.untagged == 0 ? Outcome.of(DropReason.VLAN_UNTAGGED)
                : forward(from, frame, port.untagged, frame, 0, false);
        }
        if (frame.length < 18) {
            return Outcome.of(DropReason.VLAN_MALFORMED);
        }
        final int vlan = Tags.number(frame, 14) & 0xFFF;
        final int priority = Tags.number(frame, 14) & 0xF000;
        final byte[] bare = Tags.remove(frame);
        if (vlan == 0) {
            return port.untagged == 0 ? Outcome.of(DropReason.VLAN_UNTAGGED)
                : forward(from, frame, port.untagged, bare, priority, Tags.isTagged(bare));
        }
        return port.trunk == null ? Outcome.of(DropReason.VLAN_TAGGED)
            : port.isIn(vlan) ? forward(from, frame, vlan, bare, priority, false)
                : Outcome.of(DropReason.VLAN_NOT_ALLOWED);
    }

    private Outcome forward(final int from, final byte[] frame, final int vlan, final byte[] bare, final int priority,
                            final boolean hidesTag) {
        if ((frame[6] & 1) == 0) {
            stations.put(station(vlan, frame, 6), from);
        }
        final Integer to = (frame[0] & 1) != 0 ? null : stations.get(station(vlan, frame, 0));
        if (to != null && to == from) {
            return Outcome.of(DropReason.SAME_PORT);
        }
        final Map<Integer, byte[]> out = new TreeMap<>();
        final Set<Integer> refusedBy = new TreeSet<>();
        for (int i = 0; i < ports.size(); i++) {
            final Membership port = ports.get(i);
            final boolean member = vlan == 0 ? port.equals(Membership.NONE) : port.isIn(vlan);
            if (i != from && member && (to == null || to == i)) {
                if (vlan == port.untagged && hidesTag && port.trunk != null) {
                    refusedBy.add(i);
                } else {
                    out.put(i, vlan != port.untagged ? Tags.insert(bare, priority | vlan) : bare);
                }
            }
        }
        return new Outcome(null, out, refusedBy);
    }

    private static String station(final int vlan, final byte[] frame, final int at) {
        final StringBuilder text = new StringBuilder().append(vlan);
        for (int i = at; i < at + 6; i++) {
            text.append(':').append(frame[i]);
        }
        return text.toString();
    }
}
