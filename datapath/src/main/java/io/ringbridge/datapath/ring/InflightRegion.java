package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;

import java.util.Arrays;

/**
 * Where it is recorded which chains of one virtqueue are out (vhost-user, "Inflight I/O tracking").
 *
 * @param area what it is a part of
 * @param address where it begins in this process
 */
public record InflightRegion(InflightArea area, long address) {
    /** Bytes before the entries of a split ring's region. */
    static final int SPLIT_HEADER = 16;
    /** Bytes of an entry of a split ring's region. */
    static final int SPLIT_ENTRY = 16;
    /** Bytes before the entries of a packed ring's region, with what the C structure is padded by. */
    static final int PACKED_HEADER = 32;
    /** Bytes of an entry of a packed ring's region. */
    static final int PACKED_ENTRY = 32;
    /** What a region begins with, in both layouts: {@code u64 features}, 0 always, then {@code u16 version}. */
    static final int VERSION_AT = 8;
    /** {@code u16 desc_num}: entries. */
    static final int ENTRIES_AT = 10;
    /** Of the layout; 0 is a region nobody has written to. */
    static final short VERSION = 1;

    private static final int ALIGNMENT = 64;

    /** Bytes of a region, up to where the next may begin; as DPDK and libvhost-user align it. */
    static long bytes(final int entries, final boolean packed) {
        final long bytes = packed ? PACKED_HEADER + (long) PACKED_ENTRY * entries : SPLIT_HEADER + (long) SPLIT_ENTRY * entries;
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /**
     * Whether this can be the record of the packed ring that is there now, so that to go on from it is right: the record has to make sense,
     * and the ring to show what it says. A ring that was made anew since does not.
     *
     * @param from where the front-end believed the ring to stand, as in SET_VRING_BASE, its positions below the ring's size
     * @param to the same, now; where that is another, it has to be what comes of giving back chains itself while there was no back-end
     */
    public boolean fits(final int size, final RingAddresses addresses, final int from, final int to) {
        final PackedRecovery found = PackedRecovery.read(new PackedInflight(this), size, addresses.descriptors());
        return found != null && found.fits(Packed.usedBase(from), Packed.usedBase(to));
    }

    /** The used position of a packed ring, as in SET_VRING_BASE. */
    public int position() {
        final long positions = new PackedInflight(this).positions();
        return PackedInflight.usedIdx(positions) | (PackedInflight.usedWrap(positions) ? Packed.WRAP : 0);
    }

    /** Makes it a region nobody has written to. */
    public void clear() {
        Memory.putShortRelease(address + VERSION_AT, (short) 0);
    }

    /**
     * Makes it the record of a packed ring that stands somewhere, with no chain out.
     *
     * @param base as in SET_VRING_BASE, its positions below the ring's size
     */
    public void begin(final int base) {
        final int used = Packed.usedBase(base);
        new PackedInflight(this).initialise(used & Packed.WRAP - 1, (used & Packed.WRAP) != 0);
    }

    /** Whether it has a packed ring stand there, with all settled. Touches nothing but the region. */
    public boolean standsAt(final int base) {
        final PackedInflight record = new PackedInflight(this);
        final int used = Packed.usedBase(base);
        return record.isInitialised() && record.isSettledAt(used & Packed.WRAP - 1, (used & Packed.WRAP) != 0);
    }

    /**
     * Entries in the order of their counters, which may be any numbers.
     *
     * @param entries below {@link RingConfig#MAX_SIZE} each
     * @param counters of each, in the same order
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
