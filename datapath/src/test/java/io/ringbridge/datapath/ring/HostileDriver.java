package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;

/** A driver that writes arbitrary values into a fresh ring of either layout. */
final class HostileDriver {
    final RingAddresses addresses;
    private final int size;
    private final boolean packed;
    /** Packed: the place of the next descriptor. Split: the number of chains made available. */
    private int next;
    private boolean wrap = true;
    private int nextUsed;
    private boolean usedWrap = true;

    HostileDriver(final RingAddresses addresses, final int size, final long features) {
        this.addresses = addresses;
        this.size = size;
        packed = Features.has(features, Features.RING_PACKED);
    }

    /** Returns the address of a descriptor of the ring or the table. */
    long descriptor(final int index) {
        return addresses.descriptors() + (long) index * Descriptor.SIZE;
    }

    /**
     * Writes a descriptor of this layout at any address.
     *
     * @param other split: the next field; packed: the buffer id
     */
    void write(final long at, final long address, final int length, final int flags, final int other) {
        Memory.putLong(at, address);
        Memory.putInt(at + 8, length);
        Memory.putShort(at + 12, (short) (packed ? other : flags));
        Memory.putShort(at + 14, (short) (packed ? flags : other));
    }

    /** Makes a chain of one descriptor available. */
    void offer(final long address, final int length, final int flags) {
        offer(address, length, flags, 0);
    }

    /** Makes a descriptor available. In a split ring this is always the first of the table. */
    void offer(final long address, final int length, final int flags, final int other) {
        if (packed) {
            write(descriptor(next), address, length, flags | (wrap ? Packed.AVAIL : Packed.USED), other);
            if (++next == size) {
                next = 0;
                wrap = !wrap;
            }
        } else {
            write(descriptor(0), address, length, flags, other);
            Memory.putShort(addresses.driver() + 4 + 2L * (next % size), (short) 0);
            next++;
            Memory.putShortRelease(addresses.driver() + 2, (short) next);
        }
    }

    /** Whether the device has used another chain of one descriptor. */
    boolean reap() {
        if (packed) {
            if (!Packed.isUsed(Memory.getShort(descriptor(nextUsed) + Packed.FLAGS), usedWrap)) {
                return false;
            }
            if (++nextUsed == size) {
                nextUsed = 0;
                usedWrap = !usedWrap;
            }
            return true;
        }
        if ((Memory.getShort(addresses.device() + 2) & 0xFFFF) == nextUsed) {
            return false;
        }
        nextUsed++;
        return true;
    }
}
