package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.GuestMemory;

/**
 * All that makes a virtqueue: what SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE and SET_FEATURES have said.
 *
 * @param size entries; split: a power of two up to 32768; packed: 1 to 32768
 * @param features the negotiated virtio features
 * @param addresses where its parts are, checked to be mapped and aligned
 * @param base where processing goes on, as in SET_VRING_BASE: packed: available and used index with their wrap counters; split: the
 *     next available index, which counts only if the used index makes no sense
 * @param memory the guest's memory, for the buffers
 * @param inflight where it is recorded which chains are out, and what it says goes before the base; null for nowhere
 * @param bigEndian whether it is the split ring of a legacy driver that has the other byte order
 */
public record RingConfig(int size, long features, RingAddresses addresses, int base, GuestMemory memory, InflightRegion inflight,
                         boolean bigEndian) {
    /** The most entries any virtqueue may have (virtio 1.2, section 2.6). */
    public static final int MAX_SIZE = 32768;

    /** A virtqueue of which nothing is recorded. */
    public RingConfig(final int size, final long features, final RingAddresses addresses, final int base, final GuestMemory memory) {
        this(size, features, addresses, base, memory, null, false);
    }

    /** What it needs of memory that is still on its way; null where all is there. */
    public MissingPage missingPage() {
        return MissingPage.of(memory.incoming());
    }

    /** Whether all its parts are in memory; the first page that is not is noted. */
    public boolean isThere(final MissingPage missing) {
        final boolean packed = Features.has(features, Features.RING_PACKED);
        missing.begin();
        return missing.holds(addresses.descriptors(), RingAddresses.descriptorBytes(size))
            && missing.holds(addresses.driver(), RingAddresses.driverBytes(size, packed))
            && missing.holds(addresses.device(), RingAddresses.deviceBytes(size, packed));
    }

    /** Whether all its parts can be touched. While pages are still on their way nothing is probed: that would make them. */
    public boolean partsAreThere() {
        return memory.incoming() != null || addresses.areThere(size, Features.has(features, Features.RING_PACKED));
    }

    /** A virtqueue of the byte order that nearly all have. */
    public RingConfig(final int size, final long features, final RingAddresses addresses, final int base, final GuestMemory memory,
                      final InflightRegion inflight) {
        this(size, features, addresses, base, memory, inflight, false);
    }
}
