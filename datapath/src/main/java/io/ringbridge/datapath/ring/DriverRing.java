package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Segments;

/**
 * The driver's side of a virtqueue: adds buffers, and takes back what the device has used.
 *
 * <p>Owned by one thread, the guest's. Buffers are given by guest addresses; the ring itself is written where this process has it.
 * Nothing is allocated after construction.
 */
public abstract sealed class DriverRing permits SplitDriverRing, PackedDriverRing {
    static final int NONE = -1;

    final int size;
    final boolean eventIdx;
    /** How many descriptors each chain that is out has; 0 for one that is not. */
    final int[] chainLength;
    private final RingAddresses addresses;
    private final boolean inOrder;
    /** With IN_ORDER: the chains that are out, in the order they were added, and how much each takes. */
    private final int[] order;
    private final int[] capacity;
    private int firstOut;
    private int nextOut;
    /** The chain that the last used entry read names, while those before it are still to be given back. */
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

    /**
     * The bytes that the device wrote to the chain {@link #poll} last gave back; all that it takes, for one that a device which keeps
     * to the order did not name.
     */
    public final int usedLength() {
        return usedLength;
    }

    /**
     * Asks the device to notify, or not to, when it uses buffers.
     *
     * @return whether one is used already, so that no notification will come for it
     */
    public abstract boolean wantNotification(boolean wanted);

    /** Notes a chain that was added. */
    final void added(final int id, final int descriptors, final int writable) {
        chainLength[id] = descriptors;
        if (inOrder) {
            capacity[id] = writable;
            order[nextOut] = id;
            nextOut = nextOut + 1 == size ? 0 : nextOut + 1;
        }
    }

    /** Whether the last used entry read tells of chains that are still to be given back. */
    final boolean inBatch() {
        return batchLast != NONE;
    }

    /** Notes a used entry, which with IN_ORDER may tell of all chains up to the one it names (virtio 1.2, sections 2.7.9 and 2.8.8). */
    final void batch(final int id, final int written) {
        if (id < 0 || id >= size || chainLength[id] == 0) {
            throw new IllegalStateException("the device used chain " + Integer.toUnsignedString(id) + ", which is not out");
        }
        batchLast = id;
        batchWritten = written;
    }

    /** The next chain that the last used entry tells of. */
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
