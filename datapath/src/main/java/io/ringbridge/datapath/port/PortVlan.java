package io.ringbridge.datapath.port;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * The VLANs of a port and the tags of their frames on it (IEEE 802.1Q).
 *
 * <p>An access port is in one VLAN, whose frames arrive and leave without a tag. On a trunk, the frames of the allowed
 * VLANs arrive and leave with a tag. The frames of its native VLAN, if any, leave without a tag, and arrive with or
 * without one. Immutable; read by workers.
 */
public final class PortVlan {
    /** The lowest VLAN. A tag with number 0 names no VLAN. */
    public static final int MIN = 1;
    /** The highest VLAN. Number 4095 is reserved. */
    public static final int MAX = 4094;

    /**
     * The VLANs of a port that is reserved for the copies of mirrors: none. So no frame enters by the port, and none
     * but the copies leaves by it.
     */
    public static final PortVlan RESERVED = new PortVlan(0, true, new BitSet(), true);

    private static final int LONGS = 4096 / Long.SIZE;

    private final int untagged;
    private final boolean trunk;
    private final boolean reserved;
    private final BitSet allowed;
    /** One bit per VLAN, set if the port is in it: a check costs one load. */
    private final long[] carried = new long[LONGS];

    private PortVlan(final int untagged, final boolean trunk, final BitSet allowed, final boolean reserved) {
        this.untagged = untagged;
        this.reserved = reserved;
        this.trunk = trunk;
        this.allowed = allowed;
        allowed.stream().forEach(this::carry);
        if (untagged != 0 || !trunk) {
            carry(untagged);
        }
    }

    private void carry(final int vlan) {
        if (vlan < MIN || vlan > MAX) {
            throw new IllegalArgumentException(vlan + " is not a VLAN: allowed are " + MIN + " to " + MAX);
        }
        carried[vlan >>> 6] |= 1L << vlan;
    }

    /** Creates the VLANs of an access port. */
    public static PortVlan access(final int vlan) {
        return new PortVlan(vlan, false, new BitSet(), false);
    }

    /**
     * Creates the VLANs of a trunk.
     *
     * @param allowed the allowed VLANs; the native one is allowed even if it is not among them
     * @param nativeVlan the VLAN of frames without a tag; 0 if such frames are not accepted
     */
    public static PortVlan trunk(final BitSet allowed, final int nativeVlan) {
        return new PortVlan(nativeVlan, true, (BitSet) allowed.clone(), false);
    }

    /** Whether the port is reserved for the copies of mirrors. */
    public boolean isReserved() {
        return reserved;
    }

    /** Whether the port is a trunk, on which frames may have tags. */
    public boolean isTrunk() {
        return trunk;
    }

    /** Returns the VLAN of frames without a tag: an access port's VLAN or a trunk's native one; 0 if there is none. */
    public int untagged() {
        return untagged;
    }

    /** Whether the port is in a VLAN, 0 to 4095. */
    public boolean carries(final int vlan) {
        return (carried[vlan >>> 6] >>> vlan & 1) != 0;
    }

    /** Whether frames of a VLAN that the port is in leave with a tag. */
    public boolean tags(final int vlan) {
        return vlan != untagged;
    }

    /** Returns every VLAN that the port is in, in order. */
    public int[] all() {
        return BitSet.valueOf(carried).stream().toArray();
    }

    /**
     * Returns the VLANs allowed on a trunk, as in the configuration: numbers, and ranges such as {@code 20-29}. The
     * result is empty for an access port.
     */
    public List<String> allowed() {
        final List<String> ranges = new ArrayList<>();
        for (int first = allowed.nextSetBit(0); first >= 0;) {
            final int end = allowed.nextClearBit(first);
            ranges.add(end - first == 1 ? Integer.toString(first) : first + "-" + (end - 1));
            first = allowed.nextSetBit(end);
        }
        return ranges;
    }

    @Override
    public boolean equals(final Object other) {
        return other instanceof final PortVlan vlan && untagged == vlan.untagged && trunk == vlan.trunk
            && reserved == vlan.reserved
            && allowed.equals(vlan.allowed);
    }

    @Override
    public int hashCode() {
        return 31 * allowed.hashCode() + untagged;
    }

    /** Returns {@code 10}, {@code trunk 20,30-39} or {@code trunk 20,30-39 native 10}, for example. */
    @Override
    public String toString() {
        return trunk ? "trunk " + String.join(",", allowed()) + (untagged == 0 ? "" : " native " + untagged)
            : Integer.toString(untagged);
    }
}
