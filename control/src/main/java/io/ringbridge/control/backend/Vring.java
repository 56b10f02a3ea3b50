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

/** What the front-end has said of one ring. Owned by the session's thread. */
final class Vring {
    /** The flag of SET_VRING_ADDR that says that what is written to the ring itself is to be logged. */
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
    /** The position as the front-end knows it: the last it gave, or was given. */
    int told;
    boolean bigEndian;
    boolean enabled;
    /** SET_VRING_KICK has come since the ring was last stopped: it is to run as soon as all else is there. */
    boolean kicked;
    /** It is not to run before it is kicked again, as its device was reset without a word of its driver. */
    boolean awaitsKick;
    /** It runs in the port. */
    boolean started;
    /** It has run in this connection. */
    boolean hasRun;
    /** Where it runs. */
    RingAddresses placed;
    /** What was asked for because its parts lie behind an IOMMU. */
    final Set<Message.Iotlb> asked = new HashSet<>();
    /** It was told behind an IOMMU, and is not in one piece there. */
    boolean scattered;
    /** Where its worker asks for what lies behind an IOMMU; null where there is nobody to ask. */
    TranslationRequests translations;
    /** It was started, and the port has given it up since, in the process before this one. */
    boolean broken;
    /** The count of {@link #kick} when it was last looked at; negative before. */
    private long seenKicks = -1;
    PeerEvent kick;
    PeerEvent call;
    PeerEvent error;

    Vring(final int index) {
        this.index = index;
    }

    /**
     * Checks what is allowed in one layout only, now or, where the features come later, when the ring is to start.
     *
     * @param size 0 where it is not known
     */
    static void checkLayout(final int index, final int size, final int base, final boolean packed) {
        if (!packed && Integer.bitCount(size) > 1) {
            throw ProtocolException.refused("vring " + index + " of size " + size + "; a split ring's is a power of two");
        }
        if (!packed && Integer.compareUnsigned(base, MAX_SPLIT_BASE) > 0) {
            throw ProtocolException.refused("vring " + index + " with base " + Integer.toUnsignedString(base) + "; allowed: 0 to "
                + MAX_SPLIT_BASE);
        }
        if (packed && size > 0 && ((base & POSITION) >= size || (base >>> 16 & POSITION) >= size)) {
            throw ProtocolException.refused("vring " + index + " with base 0x" + Integer.toHexString(base) + "; positions in a ring of "
                + size + " are below that");
        }
    }

    /** The used index of a split ring, where it ran last. */
    int used(final long features) {
        final short used = Memory.getShort(placed.device() + USED_IDX);
        Memory.surfaceFault(); // here, where the session expects it
        return (isBigEndian(features) ? Short.reverseBytes(used) : used) & INDEX_MASK;
    }

    /** Takes over the byte order of its fields; which counts for legacy drivers, as others have none to choose. */
    void endian(final int order) {
        if (order != LITTLE_ENDIAN && order != BIG_ENDIAN) {
            throw ProtocolException.refused("vring " + index + " of byte order " + Integer.toUnsignedString(order) + "; allowed: 0 and 1");
        }
        bigEndian = order == BIG_ENDIAN;
    }

    /** Whether it is a big-endian ring, as its driver has negotiated these features. */
    boolean isBigEndian(final long features) {
        return bigEndian && (features & Features.of(Features.VERSION_1, Features.RING_PACKED)) == 0;
    }

    /**
     * Returns by how much the count of kicks has grown since it was last looked at, 0 if a worker has taken it back.
     */
    long newKicks() {
        final long before = seenKicks;
        seenKicks = kick == null ? -1 : kick.event().count();
        return before < 0 ? 0 : Math.max(0, seenKicks - before);
    }

    /** Whether the guest transmits on it. */
    boolean transmits() {
        return (index & 1) != 0;
    }

    /** Writes down what was said of it, for another process. */
    void save(final StateWriter out) {
        out.number(size).number(base).number(told).flag(bigEndian).flag(enabled).flag(kicked).flag(awaitsKick).flag(started).flag(hasRun);
        out.flag(address != null);
        if (address != null) {
            out.number(address.flags()).wide(address.descriptor()).wide(address.used()).wide(address.available()).wide(address.log());
        }
        out.event(number(kick)).event(number(call)).event(number(error));
    }

    private static int number(final PeerEvent event) {
        return event == null ? StateWriter.NONE : event.fd();
    }

    /** Takes over what was said of it to another process. */
    void restore(final StateReader in, final Relay relay) {
        size = in.count(RingConfig.MAX_SIZE);
        base = in.number();
        told = in.number();
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
            throw ProtocolException.refused("vring " + index + " runs; this is allowed while it is stopped");
        }
    }

    /** Refuses user addresses that are not aligned (virtio 1.2, sections 2.7 and 2.8.10). */
    static void checkAligned(final Message.SetVringAddr at, final boolean packed) {
        if (!aligned(at.descriptor(), at.available(), at.used(), packed)) {
            throw ProtocolException.refused("vring " + at.index() + " is misaligned: descriptors 0x" + Long.toHexString(at.descriptor())
                + ", available 0x" + Long.toHexString(at.available()) + ", used 0x" + Long.toHexString(at.used())
                + "; multiples of 16, " + (packed ? 4 : 2) + " and 4 are allowed");
        }
    }

    private static boolean aligned(final long descriptors, final long driver, final long device, final boolean packed) {
        return descriptors % DESCRIPTOR_ALIGNMENT == 0 && driver % (packed ? EVENT_ALIGNMENT : AVAILABLE_ALIGNMENT) == 0
            && device % (packed ? EVENT_ALIGNMENT : USED_ALIGNMENT) == 0;
    }

    /** Where the ring is in this process, at these addresses; null where a part is not in memory, in one piece, and aligned. */
    RingAddresses place(final GuestMemory memory, final Message.SetVringAddr at, final boolean packed) {
        final long descriptors = find(memory, at.descriptor(), RingAddresses.descriptorBytes(size), descriptorAccess(packed));
        final long available = find(memory, at.available(), RingAddresses.driverBytes(size, packed), Iotlb.READ);
        final long used = find(memory, at.used(), RingAddresses.deviceBytes(size, packed), Iotlb.WRITE);
        if (descriptors == GuestMemory.UNMAPPED || available == GuestMemory.UNMAPPED || used == GuestMemory.UNMAPPED
            || !aligned(descriptors, available, used, packed)) {
            return null;
        }
        return new RingAddresses(descriptors, available, used, (at.flags() & LOG) == 0 ? RingAddresses.NOT_LOGGED
            : memory.iotlb() == null ? at.log() : memory.guestAddress(used)); // front-ends give an I/O virtual address there
    }

    private static long find(final GuestMemory memory, final long address, final long length, final int access) {
        return memory.iotlb() == null ? memory.translateUser(address, length) : memory.iotlb().translate(address, length, access);
    }

    private static int descriptorAccess(final boolean packed) {
        return packed ? Iotlb.READ | Iotlb.WRITE : Iotlb.READ;
    }

    /** What there is to be asked for before the ring can be found behind an IOMMU: of each part, the first address that is not known. */
    List<Message.Iotlb> lacking(final Iotlb iotlb, final boolean packed) {
        final List<Message.Iotlb> lacking = new ArrayList<>();
        lacking(lacking, iotlb, address.descriptor(), RingAddresses.descriptorBytes(size), descriptorAccess(packed));
        lacking(lacking, iotlb, address.available(), RingAddresses.driverBytes(size, packed), Iotlb.READ);
        lacking(lacking, iotlb, address.used(), RingAddresses.deviceBytes(size, packed), Iotlb.WRITE);
        return lacking;
    }

    private static void lacking(final List<Message.Iotlb> lacking, final Iotlb iotlb, final long start, final long length,
                                final int access) {
        final long known = iotlb.known(start, length, access);
        if (known < length) {
            lacking.add(new Message.Iotlb(start + known, 0, 0, access, Message.Iotlb.MISS));
        }
    }

    /** Whether a part of the ring is in a range of addresses, given by its last. */
    boolean overlaps(final long first, final long last, final boolean packed) {
        return overlap(address.descriptor(), RingAddresses.descriptorBytes(size), first, last)
            || overlap(address.available(), RingAddresses.driverBytes(size, packed), first, last)
            || overlap(address.used(), RingAddresses.deviceBytes(size, packed), first, last);
    }

    private static boolean overlap(final long start, final long length, final long first, final long last) {
        return Long.compareUnsigned(start, last) <= 0 && Long.compareUnsigned(first, start + (length - 1)) <= 0;
    }

    /** Takes over a descriptor, or that there is none; the one it replaces, which is the caller's to close. */
    PeerEvent event(final Request which, final PeerEvent event) {
        final PeerEvent old;
        switch (which) {
            case SET_VRING_KICK -> {
                old = kick;
                kick = event;
                seenKicks = -1;
                kicked();
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

    /** The front-end has started it. */
    void kicked() {
        kicked = true;
        awaitsKick = false;
    }

    /** Forgets what was said of it but for the descriptors. */
    void forget() {
        enabled = false;
        awaitsKick = false;
        size = 0;
        address = null;
        base = 0;
        told = 0;
        bigEndian = false;
    }
}
