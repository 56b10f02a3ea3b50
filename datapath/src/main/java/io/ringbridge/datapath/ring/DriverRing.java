package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Segments;

/**
 * The driver's side of a virtqueue: adds buffers, and takes back what the device has used.
 *
 * <p>Owned by one thread, the guest's. Buffers are given by guest addresses; the ring itself is written where this process has it.
 * Nothing is allocated after construction.
 */
public abstract sealed class DriverRing permits SplitDriverRing, PackedDriverRing {
    final int size;
    final boolean eventIdx;
    private final RingAddresses addresses;

    DriverRing(final int size, final long features, final RingAddresses addresses) {
        this.size = size;
        this.addresses = addresses;
        eventIdx = Features.has(features, Features.EVENT_IDX);
    }

    /**
     * Makes an empty ring in zeroed memory.
     *
     * @param size entries; a power of two in a split ring
     * @param features the negotiated virtio features
     * @param addresses where this process has its parts
     */
    public static DriverRing create(final int size, final long features, final RingAddresses addresses) {
        return Features.has(features, Features.RING_PACKED) ? new PackedDriverRing(size, features, addresses)
            : new SplitDriverRing(size, features, addresses);
    }

    /** Where this process has the ring's parts. */
    public final RingAddresses addresses() {
        return addresses;
    }

    /** Where a device begins on a fresh ring, as in SET_VRING_BASE: a packed ring's wrap counters are both 1 at first. */
    public static int freshBase(final long features) {
        return Features.has(features, Features.RING_PACKED) ? 0x8000_8000 : 0;
    }

    /** Entries. */
    public final int size() {
        return size;
    }

    /** How many descriptors are free. */
    public abstract int free();

    /**
     * Adds a chain of one buffer; invisible to the device until {@link #publish}.
     *
     * @param guestAddress the buffer
     * @param length in bytes
     * @param writable whether the device writes to it
     * @return an identifier below {@link #size} that {@link #poll} gives back, or -1 when the ring is full
     */
    public abstract int add(long guestAddress, int length, boolean writable);

    /**
     * Adds a chain of several buffers, whose pieces are guest addresses.
     *
     * @return an identifier, or -1 when there is no room
     */
    public abstract int add(Segments buffers, boolean writable);

    /** Shows all that was added to the device; true when the device wants a kick. */
    public abstract boolean publish();

    /**
     * Takes back one used chain.
     *
     * @return its identifier, or -1 when there is none
     */
    public abstract int poll();

    /** The bytes that the device wrote to the chain {@link #poll} last gave back. */
    public abstract int usedLength();

    /**
     * Asks the device to notify, or not to, when it uses buffers.
     *
     * @return whether one is used already, so that no notification will come for it
     */
    public abstract boolean wantNotification(boolean wanted);
}
