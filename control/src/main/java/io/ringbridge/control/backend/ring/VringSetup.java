package io.ringbridge.control.backend.ring;

import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;

/**
 * The shape and the place of one ring, as the front-end has set them up: its size, positions and byte order, and the
 * addresses of its three parts. These are user addresses, or I/O virtual addresses behind an IOMMU.
 *
 * <p>Owned by the session's thread.
 */
final class VringSetup {
    /** The flag of SET_VRING_ADDR that requests logging of writes to the ring itself. */
    private static final int LOG = 1;
    private static final int MAX_SPLIT_BASE = 0xFFFF;
    private static final int POSITION = 0x7FFF;
    private static final int LITTLE_ENDIAN = 0;
    private static final int BIG_ENDIAN = 1;

    private final int index;
    private final SharedSetup shared;
    private int size;
    private Message.@Nullable SetVringAddr address;
    private int base;
    private int frontEndBase;
    private boolean bigEndian;

    VringSetup(final int index, final SharedSetup shared) {
        this.index = index;
        this.shared = shared;
    }

    int index() {
        return index;
    }

    int size() {
        return size;
    }

    /** Returns the position from which the ring starts next. */
    int base() {
        return base;
    }

    /** Returns the position that the front-end knows: the last one that it sent or received. */
    int frontEndBase() {
        return frontEndBase;
    }

    /** Whether the ring is big-endian, which only one with a legacy driver can be. */
    boolean isBigEndian() {
        return bigEndian && (shared.features() & Features.of(Features.VERSION_1, Features.RING_PACKED)) == 0;
    }

    /** Whether the size and the addresses are known. */
    boolean isComplete() {
        return size != 0 && address != null;
    }

    void setNum(final int num) {
        if (num <= 0 || num > RingConfig.MAX_SIZE) {
            throw ProtocolException.refused("vring " + index + " of size " + Integer.toUnsignedString(num)
                + "; 1 to " + RingConfig.MAX_SIZE + " is allowed");
        }
        if (shared.areFeaturesKnown()) {
            checkLayout(num, 0);
        }
        size = num;
    }

    void setAddress(final Message.SetVringAddr at) {
        address = at;
    }

    /** Sets the position that the front-end has sent. */
    void setBase(final int position) {
        if (shared.areFeaturesKnown()) {
            checkLayout(size, position);
        }
        base = position;
        frontEndBase = position;
    }

    /** Sets the position at which the ring has stopped. */
    void stopAt(final int position) {
        base = position;
    }

    /** Records that the front-end is sent the position. */
    void reportBase() {
        frontEndBase = base;
    }

    /** Sets the byte order of the ring's fields. Only legacy drivers have a choice, so it is ignored for others. */
    void setEndian(final int order) {
        if (order != LITTLE_ENDIAN && order != BIG_ENDIAN) {
            throw ProtocolException.refused("vring " + index + " of byte order " + Integer.toUnsignedString(order)
                + "; allowed: 0 and 1");
        }
        bigEndian = order == BIG_ENDIAN;
    }

    /** Checks size and position as {@link #checkLayout(int, int)} does. */
    void checkLayout() {
        checkLayout(size, base);
    }

    /**
     * Checks the limits that only one layout has. If the features arrive later, this happens when the ring starts.
     *
     * @param entries 0 if the size is not known yet
     */
    private void checkLayout(final int entries, final int position) {
        final boolean packed = shared.isPacked();
        if (!packed && Integer.bitCount(entries) > 1) {
            throw ProtocolException.refused("vring " + index + " of size " + entries
                + "; the size of a split ring must be a power of two");
        }
        if (!packed && Integer.compareUnsigned(position, MAX_SPLIT_BASE) > 0) {
            throw ProtocolException.refused("vring " + index + " with base " + Integer.toUnsignedString(position)
                + "; allowed: 0 to " + MAX_SPLIT_BASE);
        }
        if (packed && entries > 0
            && ((position & POSITION) >= entries || (position >>> 16 & POSITION) >= entries)) {
            throw ProtocolException.refused("vring " + index + " with base 0x" + Integer.toHexString(position)
                + "; both positions must be below the size of " + entries);
        }
    }

    /** Translates the addresses as {@link #place(Message.SetVringAddr, GuestMemory)} does. */
    @Nullable RingAddresses place(final GuestMemory memory) {
        return place(address(), memory);
    }

    private Message.SetVringAddr address() {
        assert address != null : "the ring is set up";
        return address;
    }

    /**
     * Translates addresses of this ring to addresses of this process.
     *
     * @return null if a part of the ring is not mapped contiguously, or is misaligned
     */
    @Nullable RingAddresses place(final Message.SetVringAddr at, final GuestMemory memory) {
        final boolean packed = shared.isPacked();
        final long descriptors =
            find(memory, at.descriptor(), RingAddresses.descriptorBytes(size), descriptorAccess());
        final long available = find(memory, at.available(), RingAddresses.driverBytes(size, packed), Iotlb.READ);
        final long used = find(memory, at.used(), RingAddresses.deviceBytes(size, packed), Iotlb.WRITE);
        if (descriptors == GuestMemory.UNMAPPED || available == GuestMemory.UNMAPPED || used == GuestMemory.UNMAPPED) {
            return null;
        }
        // Behind an IOMMU, front-ends send an I/O virtual address as the log address.
        final RingAddresses place =
            new RingAddresses(descriptors, available, used, (at.flags() & LOG) == 0 ? RingAddresses.NOT_LOGGED
                : memory.iotlb() == null ? at.log() : memory.guestAddress(used));
        return place.areAligned(packed) ? place : null;
    }

    private static long find(final GuestMemory memory, final long address, final long length, final int access) {
        return memory.iotlb() == null ? memory.translateUser(address, length)
            : memory.iotlb().translate(address, length, access);
    }

    private int descriptorAccess() {
        return shared.isPacked() ? Iotlb.READ | Iotlb.WRITE : Iotlb.READ;
    }

    /**
     * Returns requests for the translations that the ring needs to start: for each part, the first unmapped address.
     */
    List<Message.Iotlb> lacking(final Iotlb iotlb) {
        final List<Message.Iotlb> lacking = new ArrayList<>();
        final boolean packed = shared.isPacked();
        final Message.SetVringAddr at = address();
        lacking(lacking, iotlb, at.descriptor(), RingAddresses.descriptorBytes(size), descriptorAccess());
        lacking(lacking, iotlb, at.available(), RingAddresses.driverBytes(size, packed), Iotlb.READ);
        lacking(lacking, iotlb, at.used(), RingAddresses.deviceBytes(size, packed), Iotlb.WRITE);
        return lacking;
    }

    private static void lacking(final List<Message.Iotlb> lacking, final Iotlb iotlb, final long start,
                                final long length, final int access) {
        final long known = iotlb.translateKnown(start, length, access);
        if (known < length) {
            lacking.add(new Message.Iotlb(start + known, 0, 0, access, Message.Iotlb.MISS));
        }
    }

    /** Whether a part of the ring is in the range of addresses from {@code first} to {@code last}, inclusive. */
    boolean overlaps(final long first, final long last) {
        final boolean packed = shared.isPacked();
        return address != null
            && (overlap(address.descriptor(), RingAddresses.descriptorBytes(size), first, last)
            || overlap(address.available(), RingAddresses.driverBytes(size, packed), first, last)
            || overlap(address.used(), RingAddresses.deviceBytes(size, packed), first, last));
    }

    private static boolean overlap(final long start, final long length, final long first, final long last) {
        return Long.compareUnsigned(start, last) <= 0 && Long.compareUnsigned(first, start + (length - 1)) <= 0;
    }

    /** Forgets everything. */
    void reset() {
        size = 0;
        address = null;
        base = 0;
        frontEndBase = 0;
        bigEndian = false;
    }

    /** Writes size, positions and byte order for another process. */
    void saveLayout(final StateWriter out) {
        out.number(size).number(base).number(frontEndBase).flag(bigEndian);
    }

    /** Reads what another process has written with {@link #saveLayout}. */
    void restoreLayout(final StateReader in) {
        size = in.count(RingConfig.MAX_SIZE);
        base = in.number();
        frontEndBase = in.number();
        bigEndian = in.flag();
    }

    /** Writes the addresses for another process. */
    void saveAddress(final StateWriter out) {
        out.flag(address != null);
        if (address != null) {
            out.number(address.flags());
            out.wide(address.descriptor()).wide(address.used()).wide(address.available()).wide(address.log());
        }
    }

    /** Reads the addresses of another process. */
    void restoreAddress(final StateReader in) {
        if (in.flag()) {
            address = new Message.SetVringAddr(index, in.number(), in.wide(), in.wide(), in.wide(), in.wide());
        }
    }
}
