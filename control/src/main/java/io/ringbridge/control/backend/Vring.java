package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.RingAddresses;

/** What the front-end has said of one ring. Owned by the session's thread. */
final class Vring {
    /** The flag of SET_VRING_ADDR that says that what is written to the ring itself is to be logged. */
    private static final int LOG = 1;
    private static final long DESCRIPTOR_ALIGNMENT = 16;
    private static final long USED_ALIGNMENT = 4;
    private static final long AVAILABLE_ALIGNMENT = 2;
    private static final long EVENT_ALIGNMENT = 4;

    final int index;
    int size;
    Message.SetVringAddr address;
    int base;
    /** The position as the front-end knows it: the last it gave, or was given. */
    int told;
    boolean enabled;
    /** SET_VRING_KICK has come since the ring was last stopped: it is to run as soon as all else is there. */
    boolean kicked;
    /** It runs in the port. */
    boolean started;
    /** It has run in this connection. */
    boolean hasRun;
    EventFd kick;
    EventFd call;
    EventFd error;

    Vring(final int index) {
        this.index = index;
    }

    /** Whether the guest transmits on it. */
    boolean transmits() {
        return (index & 1) != 0;
    }

    /** Whether the user addresses are aligned (virtio 1.2, sections 2.7 and 2.8.10). */
    static boolean aligned(final Message.SetVringAddr at, final boolean packed) {
        return aligned(at.descriptor(), at.available(), at.used(), packed);
    }

    private static boolean aligned(final long descriptors, final long driver, final long device, final boolean packed) {
        return descriptors % DESCRIPTOR_ALIGNMENT == 0 && driver % (packed ? EVENT_ALIGNMENT : AVAILABLE_ALIGNMENT) == 0
            && device % (packed ? EVENT_ALIGNMENT : USED_ALIGNMENT) == 0;
    }

    /** Where the ring is in this process, at these user addresses; null where that is not wholly in memory, and aligned. */
    RingAddresses place(final GuestMemory memory, final Message.SetVringAddr at, final boolean packed) {
        final long descriptors = memory.translateUser(at.descriptor(), RingAddresses.descriptorBytes(size));
        final long available = memory.translateUser(at.available(), RingAddresses.driverBytes(size, packed));
        final long used = memory.translateUser(at.used(), RingAddresses.deviceBytes(size, packed));
        if (descriptors == GuestMemory.UNMAPPED || available == GuestMemory.UNMAPPED || used == GuestMemory.UNMAPPED
            || !aligned(descriptors, available, used, packed)) {
            return null;
        }
        return new RingAddresses(descriptors, available, used, (at.flags() & LOG) == 0 ? RingAddresses.NOT_LOGGED : at.log());
    }
}
