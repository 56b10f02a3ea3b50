package io.ringbridge.control.backend;

import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** One ring as the front-end has set it up. Owned by the session's thread. */
final class Vring {
    /** The flag of SET_VRING_ADDR that requests logging of writes to the ring itself. */
    private static final int LOG = 1;
    private static final long DESCRIPTOR_ALIGNMENT = 16;
    private static final long USED_ALIGNMENT = 4;
    private static final long AVAILABLE_ALIGNMENT = 2;
    private static final long EVENT_ALIGNMENT = 4;
    private static final int MAX_SPLIT_BASE = 0xFFFF;
    private static final int POSITION = 0x7FFF;
    private static final int USED_IDX = 2;
    private static final int INDEX_MASK = 0xFFFF;
    private static final int LITTLE_ENDIAN = 0;
    private static final int BIG_ENDIAN = 1;

    final int index;
    int size;
    Message.SetVringAddr address;
    int base;
    /** The position that the front-end knows: the last one that it sent or received. */
    int frontEndBase;
    boolean bigEndian;
    boolean enabled;
    /**
     * Whether SET_VRING_KICK has arrived since the ring was last stopped. The ring starts as soon as it is complete.
     */
    boolean kicked;
    /** Whether the ring must not start before it is kicked again, because its device was reset without its driver. */
    boolean awaitsKick;
    /** Whether the ring runs in the port. */
    boolean started;
    /** Whether the ring has run in this connection. */
    boolean hasRun;
    /** The addresses at which the ring runs. */
    RingAddresses placed;
    /** The translations requested because the IOMMU has not mapped some part of the ring. */
    final Set<Message.Iotlb> requested = new HashSet<>();
    /** Whether the IOMMU maps some part of the ring to non-contiguous memory. */
    boolean scattered;
    /** The worker's requests for translations; null if there is no channel for them. */
    TranslationRequests translations;
    /** Whether the ring broke in the process before this one. */
    boolean broken;
    /** The count of {@link #kick} at the last call of {@link #newKicks}; negative before the first. */
    private long seenKicks = -1;
    PeerEvent kick;
    PeerEvent call;
    PeerEvent error;

    Vring(final int index) {
        this.index = index;
    }

    /**
     * Checks the limits that only one layout has. If the features arrive later, this happens when the ring starts.
     *
     * @param size 0 if it is not known yet
     */
    static void checkLayout(final int index, final int size, final int base, final boolean packed) {
        if (!packed && Integer.bitCount(size) > 1) {
            throw ProtocolException.refused("vring " + index + " of size " + size
                + "; the size of a split ring must be a power of two");
        }
        if (!packed && Integer.compareUnsigned(base, MAX_SPLIT_BASE) > 0) {
            throw ProtocolException.refused("vring " + index + " with base " + Integer.toUnsignedString(base)
                + "; allowed: 0 to " + MAX_SPLIT_BASE);
        }
        if (packed && size > 0 && ((base & POSITION) >= size || (base >>> 16 & POSITION) >= size)) {
            throw ProtocolException.refused("vring " + index + " with base 0x" + Integer.toHexString(base)
                + "; both positions must be below the size of " + size);
        }
    }

    /** Reads the used index of a split ring from the memory in which it ran last. */
    int used(final long features) {
        final short used = Memory.getShort(placed.device() + USED_IDX);
        Memory.surfaceFault(); // so that a fault is raised here, where the session expects it
        return (isBigEndian(features) ? Short.reverseBytes(used) : used) & INDEX_MASK;
    }

    /** Sets the byte order of the ring's fields. Only legacy drivers have a choice, so it is ignored for others. */
    void setEndian(final int order) {
        if (order != LITTLE_ENDIAN && order != BIG_ENDIAN) {
            throw ProtocolException.refused("vring " + index + " of byte order " + Integer.toUnsignedString(order)
                + "; allowed: 0 and 1");
        }
        bigEndian = order == BIG_ENDIAN;
    }

    /** Whether the ring is big-endian if its driver has negotiated these features. */
    boolean isBigEndian(final long features) {
        return bigEndian && (features & Features.of(Features.VERSION_1, Features.RING_PACKED)) == 0;
    }

    /**
     * Returns the growth of the kick count since the last call, or 0 if a worker has reset the count.
     */
    long newKicks() {
        final long before = seenKicks;
        seenKicks = kick == null ? -1 : kick.event().count();
        return before < 0 ? 0 : Math.max(0, seenKicks - before);
    }

    /** Whether the guest transmits on this ring. */
    boolean transmits() {
        return (index & 1) != 0;
    }

    /** Writes the ring's setup, for another process. */
    void save(final StateWriter out) {
        out.number(size).number(base).number(frontEndBase).flag(bigEndian);
        out.flag(enabled).flag(kicked).flag(awaitsKick).flag(started).flag(hasRun);
        out.flag(address != null);
        if (address != null) {
            out.number(address.flags());
            out.wide(address.descriptor()).wide(address.used()).wide(address.available()).wide(address.log());
        }
        out.event(number(kick)).event(number(call)).event(number(error));
    }

    private static int number(final PeerEvent event) {
        return event == null ? StateWriter.NONE : event.fd();
    }

    /** Reads the ring's setup in another process. */
    void restore(final StateReader in, final Relay relay) {
        size = in.count(RingConfig.MAX_SIZE);
        base = in.number();
        frontEndBase = in.number();
        bigEndian = in.flag();
        enabled = in.flag();
        kicked = in.flag();
        awaitsKick = in.flag();
        started = in.flag();
        hasRun = in.flag();
        if (in.flag()) {
            address = new Message.SetVringAddr(index, in.number(), in.wide(), in.wide(), in.wide(), in.wide());
        }
        kick = in.event(relay::kick);
        call = in.event(relay::notification);
        error = in.event(relay::notification);
    }

    void checkStopped() {
        if (started) {
            throw ProtocolException.refused("vring " + index + " runs; this is only allowed while it is stopped");
        }
    }

    /** Refuses user addresses that are not aligned (virtio 1.2, sections 2.7 and 2.8.10). */
    static void checkAligned(final Message.SetVringAddr at, final boolean packed) {
        if (!aligned(at.descriptor(), at.available(), at.used(), packed)) {
            throw ProtocolException.refused("vring " + at.index() + " is misaligned: descriptors 0x"
                + Long.toHexString(at.descriptor()) + ", available 0x" + Long.toHexString(at.available()) + ", used 0x"
                + Long.toHexString(at.used()) + "; multiples of 16, " + (packed ? 4 : 2) + " and 4 are allowed");
        }
    }

    private static boolean aligned(final long descriptors, final long driver, final long device, final boolean packed) {
        return descriptors % DESCRIPTOR_ALIGNMENT == 0 && driver % (packed ? EVENT_ALIGNMENT : AVAILABLE_ALIGNMENT) == 0
            && device % (packed ? EVENT_ALIGNMENT : USED_ALIGNMENT) == 0;
    }

    /**
     * Translates the ring's addresses to addresses of this process.
     *
     * @return null if a part of the ring is not mapped contiguously, or is misaligned
     */
    RingAddresses place(final GuestMemory memory, final Message.SetVringAddr at, final boolean packed) {
        final long descriptors =
            find(memory, at.descriptor(), RingAddresses.descriptorBytes(size), descriptorAccess(packed));
        final long available = find(memory, at.available(), RingAddresses.driverBytes(size, packed), Iotlb.READ);
        final long used = find(memory, at.used(), RingAddresses.deviceBytes(size, packed), Iotlb.WRITE);
        if (descriptors == GuestMemory.UNMAPPED || available == GuestMemory.UNMAPPED || used == GuestMemory.UNMAPPED
            || !aligned(descriptors, available, used, packed)) {
            return null;
        }
        // Behind an IOMMU, front-ends send an I/O virtual address as the log address.
        return new RingAddresses(descriptors, available, used, (at.flags() & LOG) == 0 ? RingAddresses.NOT_LOGGED
            : memory.iotlb() == null ? at.log() : memory.guestAddress(used));
    }

    private static long find(final GuestMemory memory, final long address, final long length, final int access) {
        return memory.iotlb() == null ? memory.translateUser(address, length)
            : memory.iotlb().translate(address, length, access);
    }

    private static int descriptorAccess(final boolean packed) {
        return packed ? Iotlb.READ | Iotlb.WRITE : Iotlb.READ;
    }

    /**
     * Returns requests for the translations that the ring needs to start: for each part, the first unmapped address.
     */
    List<Message.Iotlb> lacking(final Iotlb iotlb, final boolean packed) {
        final List<Message.Iotlb> lacking = new ArrayList<>();
        lacking(lacking, iotlb, address.descriptor(), RingAddresses.descriptorBytes(size), descriptorAccess(packed));
        lacking(lacking, iotlb, address.available(), RingAddresses.driverBytes(size, packed), Iotlb.READ);
        lacking(lacking, iotlb, address.used(), RingAddresses.deviceBytes(size, packed), Iotlb.WRITE);
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
    boolean overlaps(final long first, final long last, final boolean packed) {
        return overlap(address.descriptor(), RingAddresses.descriptorBytes(size), first, last)
            || overlap(address.available(), RingAddresses.driverBytes(size, packed), first, last)
            || overlap(address.used(), RingAddresses.deviceBytes(size, packed), first, last);
    }

    private static boolean overlap(final long start, final long length, final long first, final long last) {
        return Long.compareUnsigned(start, last) <= 0 && Long.compareUnsigned(first, start + (length - 1)) <= 0;
    }

    /**
     * Replaces a descriptor of the ring.
     *
     * @param event null for none
     * @return the previous descriptor, which the caller closes
     */
    PeerEvent replaceEvent(final Request which, final PeerEvent event) {
        final PeerEvent old;
        switch (which) {
            case SET_VRING_KICK -> {
                old = kick;
                kick = event;
                seenKicks = -1;
                markKicked();
            }
            case SET_VRING_CALL -> {
                old = call;
                call = event;
            }
            default -> {
                old = error;
                error = event;
            }
        }
        return old;
    }

    /** Records that the front-end has started the ring. */
    void markKicked() {
        kicked = true;
        awaitsKick = false;
    }

    /** Clears the ring's setup, except for the descriptors. */
    void reset() {
        enabled = false;
        awaitsKick = false;
        size = 0;
        address = null;
        base = 0;
        frontEndBase = 0;
        bigEndian = false;
    }
}
