package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.GuestMemory;
import org.jspecify.annotations.Nullable;

/**
 * The parameters of a virtqueue, from SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE and SET_FEATURES.
 *
 * @param size entries; split: a power of two up to 32768; packed: 1 to 32768
 * @param features the negotiated virtio features
 * @param addresses the addresses of the ring's parts, checked to be mapped and aligned
 * @param base the position to resume from, as in SET_VRING_BASE; packed: available and used index with their wrap
 *     counters; split: the next available index, which counts only if the used index is not plausible
 * @param memory the guest's memory, for the buffers
 * @param inflight the record of the chains in flight, which takes precedence over {@code base}; null for none
 * @param bigEndian whether the ring is the split ring of a big-endian legacy driver
 */
public record RingConfig(int size, long features, RingAddresses addresses, int base, GuestMemory memory,
                         @Nullable InflightRegion inflight, boolean bigEndian) {
    /** The most entries that a virtqueue may have (virtio 1.2, section 2.6). */
    public static final int MAX_SIZE = 32768;

    /** Creates the parameters of a little-endian virtqueue whose chains in flight are not recorded. */
    public RingConfig(final int size, final long features, final RingAddresses addresses, final int base,
                      final GuestMemory memory) {
        this(size, features, addresses, base, memory, null, false);
    }

    /** Creates the state for pages that have not arrived. Returns null if all memory is present. */
    public @Nullable MissingPage missingPage() {
        return MissingPage.of(memory.incoming());
    }

    /** Whether all parts of the ring have arrived. If not, the first missing page is recorded. */
    public boolean isPresent(final MissingPage missing) {
        final boolean packed = Features.has(features, Features.RING_PACKED);
        missing.begin();
        return missing.isPresent(addresses.descriptors(), RingAddresses.descriptorBytes(size))
            && missing.isPresent(addresses.driver(), RingAddresses.driverBytes(size, packed))
            && missing.isPresent(addresses.device(), RingAddresses.deviceBytes(size, packed));
    }

    /** Whether all parts of the ring are accessible. During postcopy nothing is probed: a probe would create pages. */
    public boolean partsAreAccessible() {
        return memory.incoming() != null || addresses.areAccessible(size, Features.has(features, Features.RING_PACKED));
    }

    /** Creates the parameters of a little-endian virtqueue. */
    public RingConfig(final int size, final long features, final RingAddresses addresses, final int base,
                      final GuestMemory memory, final @Nullable InflightRegion inflight) {
        this(size, features, addresses, base, memory, inflight, false);
    }
}
