package io.ringbridge.datapath.port;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * The VLANs that a port is in (IEEE 802.1Q), and how their frames look on it.
 *
 * <p>An access port is in one VLAN, whose frames come and go without a tag. A trunk takes and gives the frames of the VLANs allowed on
 * it with a tag; those of its native VLAN, where it has one, go without, and come without or with one. Immutable; read by workers.
 */
public final class PortVlan {
    /** The lowest VLAN there is; 0 names none. */
    public static final int MIN = 1;
    /** The highest one; 4095 is reserved. */
    public static final int MAX = 4094;

    private static final int LONGS = 4096 / Long.SIZE;

    private final int untagged;
    private final boolean trunk;
    private final BitSet allowed;
    /** A bit for every VLAN that it is in: a look-up is a load. */
    private final long[] carried = new long[LONGS];

    private PortVlan(final int untagged, final boolean trunk, final BitSet allowed) {
        this.untagged = untagged;
        this.trunk = trunk;
        this.allowed = allowed;
        allowed.stream().forEach(this::carry);
        if (untagged != 0 || !trunk) {
            carry(untagged);
        }
    }

    private void carry(final int vlan) {
        if (vlan < MIN || vlan > MAX) {
            throw new IllegalArgumentException(vlan + " is no VLAN: these are " + MIN + " to " + MAX);
        }
        carried[vlan >>> 6] |= 1L << vlan;
    }

    /** An access port's. */
    public static PortVlan access(final int vlan) {
        return new PortVlan(vlan, false, new BitSet());
    }

    /**
     * A trunk's.
     *
     * @param allowed the VLANs allowed on it; the native one is, whether it is among them or not
     * @param nativeVlan that of frames without a tag; 0 where such are not taken
     */
    public static PortVlan trunk(final BitSet allowed, final int nativeVlan) {
        return new PortVlan(nativeVlan, true, (BitSet) allowed.clone());
    }

    /** Whether it is a trunk, on which frames may have tags. */
    public boolean isTrunk() {
        return trunk;
    }

    /** The VLAN of frames without a tag: an access port's, or a trunk's native one; 0 where there is none. */
    public int untagged() {
        return untagged;
    }

    /** Whether the port is in a VLAN, 0 to 4095. */
    public boolean carries(final int vlan) {
        return (carried[vlan >>> 6] >>> vlan & 1) != 0;
    }

    /** Whether frames of a VLAN that it is in leave with a tag. */
    public boolean tags(final int vlan) {
        return vlan != untagged;
    }

    /** Every VLAN that it is in, in order. */
    public int[] all() {
        return BitSet.valueOf(carried).stream().toArray();
    }

    /** The VLANs allowed on a trunk, as in the configuration: numbers, and ranges such as {@code 20-29}; of an access port none. */
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
        return other instanceof final PortVlan vlan && untagged == vlan.untagged && trunk == vlan.trunk && allowed.equals(vlan.allowed);
    }

    @Override
    public int hashCode() {
        return 31 * allowed.hashCode() + untagged;
    }

    /** As {@code 10}, {@code trunk 20,30-39} or {@code trunk 20,30-39 native 10}. */
    @Override
    public String toString() {
        return trunk ? "trunk " + String.join(",", allowed()) + (untagged == 0 ? "" : " native " + untagged) : Integer.toString(untagged);
    }
}
