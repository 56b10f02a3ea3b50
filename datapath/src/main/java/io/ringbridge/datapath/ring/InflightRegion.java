package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;

import java.util.Arrays;

/**
 * The part of an in-flight area that records the chains in flight of one virtqueue (vhost-user, "Inflight I/O
 * tracking").
 *
 * @param area the area that contains this region
 * @param address the start of the region in this process
 */
public record InflightRegion(InflightArea area, long address) {
    /** Bytes before the entries in a split ring's region. */
    static final int SPLIT_HEADER = 16;
    /** Bytes per entry in a split ring's region. */
    static final int SPLIT_ENTRY = 16;
    /** Bytes before the entries in a packed ring's region, including the padding of the C structure. */
    static final int PACKED_HEADER = 32;
    /** Bytes per entry in a packed ring's region. */
    static final int PACKED_ENTRY = 32;
    /** Offset of {@code u16 version} in both layouts. It follows {@code u64 features}, which is always 0. */
    static final int VERSION_AT = 8;
    /** Offset of {@code u16 desc_num}, the number of entries, in both layouts. */
    static final int ENTRIES_AT = 10;
    /** The version of the layout. A region that was never written has 0. */
    static final short VERSION = 1;

    private static final int ALIGNMENT = 64;

    /** Returns the bytes of a region including its padding. The alignment is that of DPDK and libvhost-user. */
    static long bytes(final int entries, final boolean packed) {
        final long bytes = packed ? PACKED_HEADER + (long) PACKED_ENTRY * entries
            : SPLIT_HEADER + (long) SPLIT_ENTRY * entries;
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /**
     * Whether this region can be the record of the packed ring at these addresses, so that the ring may resume from it.
     * The record must be consistent, and the ring's contents must match it. A ring that its driver has since set up
     * anew does not match.
     *
     * @param from the earlier base of the ring according to the front-end, as in SET_VRING_BASE, with positions below
     *     {@code size}
     * @param to the present base according to the front-end; if it differs from {@code from}, the front-end must have
     *     returned chains itself while it had no back-end
     */
    public boolean fits(final int size, final RingAddresses addresses, final int from, final int to) {
        final PackedRecovery found = PackedRecovery.read(new PackedInflight(this), size, addresses.descriptors());
        return found != null && found.fits(Packed.usedBase(from), Packed.usedBase(to));
    }

    /** Returns the recorded used position of a packed ring, as in SET_VRING_BASE. */
    public int position() {
        final long positions = new PackedInflight(this).positions();
        return PackedInflight.usedIdx(positions) | (PackedInflight.usedWrap(positions) ? Packed.WRAP : 0);
    }

    /** Marks the region as never written. */
    public void clear() {
        Memory.putShortRelease(address + VERSION_AT, (short) 0);
    }

    /**
     * Initialises the region as the record of a packed ring with no chain in flight.
     *
     * @param base the ring's position as in SET_VRING_BASE, with positions below the ring's size
     */
    public void begin(final int base) {
        final int used = Packed.usedBase(base);
        new PackedInflight(this).initialise(used & Packed.WRAP - 1, (used & Packed.WRAP) != 0);
    }

    /**
     * Whether the record has a packed ring at this base, with the last batch settled. Touches nothing but the region.
     */
    public boolean standsAt(final int base) {
        final PackedInflight record = new PackedInflight(this);
        final int used = Packed.usedBase(base);
        return record.isInitialised() && record.isSettledAt(used & Packed.WRAP - 1, (used & Packed.WRAP) != 0);
    }

    /**
     * Sorts entries by their counters, which may have any values.
     *
     * @param entries each below {@link RingConfig#MAX_SIZE}
     * @param counters the counter of each entry, in the same order
     * @return the sorted entries
     */
    static int[] inOrder(final int[] entries, final long[] counters) {
        final long[] sorted = counters.clone();
        Arrays.sort(sorted);
        final long[] ranked = new long[entries.length];
        for (int i = 0; i < entries.length; i++) {
            ranked[i] = (long) Arrays.binarySearch(sorted, counters[i]) * RingConfig.MAX_SIZE + entries[i];
        }
        Arrays.sort(ranked);
        return Arrays.stream(ranked).mapToInt(rank -> (int) (rank % RingConfig.MAX_SIZE)).toArray();
    }

    int entries() {
        return area.queueSize();
    }
}
