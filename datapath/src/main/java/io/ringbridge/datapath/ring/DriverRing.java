package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Segments;

/**
 * The driver's side of a virtqueue: adds buffers, and takes back the buffers that the device has used.
 *
 * <p>Owned by one thread, the guest's. Buffers have guest addresses; the ring's parts have addresses of this process.
 * Nothing is allocated after construction.
 */
public abstract sealed class DriverRing permits SplitDriverRing, PackedDriverRing {
    static final int NONE = -1;

    final int size;
    final boolean eventIdx;
    /** The number of descriptors of each chain that the device owns; 0 for other identifiers. */
    final int[] chainLength;
    private final RingAddresses addresses;
    private final boolean inOrder;
    /** With IN_ORDER: the chains that the device owns, in the order in which they were added. */
    private final int[] order;
    /** With IN_ORDER: the bytes that the device may write to each chain, by identifier. */
    private final int[] capacity;
    private int firstOut;
    private int nextOut;
    /** The chain that the last used entry names, until {@link #takeBack} has returned it; else {@link #NONE}. */
    private int batchLast = NONE;
    private int batchWritten;
    private int usedLength;

    DriverRing(final int size, final long features, final RingAddresses addresses) {
        this.size = size;
        this.addresses = addresses;
        eventIdx = Features.has(features, Features.EVENT_IDX);
        inOrder = Features.has(features, Features.IN_ORDER);
        chainLength = new int[size];
        order = new int[inOrder ? size : 0];
        capacity = new int[inOrder ? size : 0];
    }

    /**
     * Creates an empty ring in zeroed memory.
     *
     * @param size entries; a power of two in a split ring
     * @param features the negotiated virtio features
     * @param addresses the addresses of the ring's parts in this process
     */
    public static DriverRing create(final int size, final long features, final RingAddresses addresses) {
        return Features.has(features, Features.RING_PACKED) ? new PackedDriverRing(size, features, addresses)
            : new SplitDriverRing(size, features, addresses);
    }

    /** Returns the addresses of the ring's parts in this process. */
    public final RingAddresses addresses() {
        return addresses;
    }

    /** Returns the base of a fresh ring, as in SET_VRING_BASE. Both wrap counters of a packed ring are initially 1. */
    public static int freshBase(final long features) {
        return Features.has(features, Features.RING_PACKED) ? 0x8000_8000 : 0;
    }

    /** Returns the number of entries. */
    public final int size() {
        return size;
    }

    /** Returns the number of free descriptors. */
    public abstract int free();

    /**
     * Adds a chain of one buffer. The device does not see it before {@link #publish}.
     *
     * @param guestAddress the guest address of the buffer
     * @param length in bytes
     * @param writable whether the device writes to the buffer
     * @return an identifier below {@link #size} that {@link #poll} will return, or -1 if the ring is full
     */
    public abstract int add(long guestAddress, int length, boolean writable);

    /**
     * Adds a chain of several buffers. The device does not see it before {@link #publish}.
     *
     * @param buffers pieces with guest addresses
     * @return an identifier, or -1 if the ring does not have enough free descriptors
     */
    public abstract int add(Segments buffers, boolean writable);

    /**
     * Makes all added chains available to the device.
     *
     * @return whether the device wants a kick
     */
    public abstract boolean publish();

    /**
     * Takes back one used chain.
     *
     * @return its identifier, or -1 if no chain has been used
     */
    public abstract int poll();

    /**
     * Returns the bytes that the device wrote to the chain that {@link #poll} returned last. With IN_ORDER, a chain
     * that no used entry named counts as filled.
     */
    public final int usedLength() {
        return usedLength;
    }

    /**
     * Asks the device to notify the driver when it uses buffers, or not to.
     *
     * @return whether a buffer is used already, for which the device will not notify
     */
    public abstract boolean wantNotification(boolean wanted);

    /** Records a chain that was added. */
    final void recordAdded(final int id, final int descriptors, final int writable) {
        chainLength[id] = descriptors;
        if (inOrder) {
            capacity[id] = writable;
            order[nextOut] = id;
            nextOut = nextOut + 1 == size ? 0 : nextOut + 1;
        }
    }

    /** Whether the last used entry covers chains that {@link #takeBack} has not returned yet. */
    final boolean hasBatch() {
        return batchLast != NONE;
    }

    /**
     * Records a used entry. With IN_ORDER, it may cover all chains up to the one that it names (virtio 1.2, sections
     * 2.7.9 and 2.8.8).
     */
    final void recordUsed(final int id, final int written) {
        if (id < 0 || id >= size || chainLength[id] == 0) {
            throw new IllegalStateException("the device used chain " + Integer.toUnsignedString(id)
                + ", which it does not own");
        }
        batchLast = id;
        batchWritten = written;
    }

    /** Returns the next chain that the last used entry covers. */
    final int takeBack() {
        final int id;
        if (inOrder) {
            id = order[firstOut];
            firstOut = firstOut + 1 == size ? 0 : firstOut + 1;
        } else {
            id = batchLast;
        }
        if (id == batchLast) {
            usedLength = batchWritten;
            batchLast = NONE;
        } else {
            usedLength = capacity[id];
        }
        return id;
    }
}
