package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Iotlb;

/**
 * How a ring behind an IOMMU finds what its driver names, and what it waits for when it does not (vhost-user, "IOMMU support").
 *
 * <p>An address that is not known, or not for what is wanted, is asked for once, and the chain that needs it stays in the ring until an
 * entry for it comes. Where the front-end says that there is no such address, or comes with an entry that still does not allow it, the
 * address is refused: the next chain that needs it is bad, and the one after asks again, since drivers map addresses at any time.
 * Owned by the ring's worker.
 */
public final class Translation {
    private Iotlb iotlb;
    /** What could not be found, and whether it was asked for. */
    private long address;
    private int access;
    private boolean asked;
    private boolean lacking;
    private long refusedAddress;
    private int refusedAccess;
    private boolean refused;
    private boolean refusedNeeded;
    /** It was refused although there is an entry, which the driver is to be told. */
    private boolean denied;
    private boolean looking;

    Translation(final Iotlb iotlb) {
        this.iotlb = iotlb;
    }

    Iotlb iotlb() {
        return iotlb;
    }

    /** Begins to follow a chain. */
    void begin() {
        lacking = false;
        refusedNeeded = false;
    }

    /** Where a range is that the device reads; {@link GuestMemory#UNMAPPED} where it is not, which is noted, or not in one piece. */
    long read(final long wanted, final int length) {
        final long known = iotlb.known(wanted, length, Iotlb.READ);
        if (known < length) {
            note(wanted + known, Iotlb.READ);
            return GuestMemory.UNMAPPED;
        }
        return iotlb.translate(wanted, length, Iotlb.READ);
    }

    /** Notes what the chain that is being followed needs, and is not known, or not for this. */
    void note(final long wanted, final int use) {
        if (lacking) {
            return; // one at a time, from the front
        }
        if (refused && wanted == refusedAddress && use == refusedAccess) {
            refusedNeeded = true;
            return;
        }
        lacking = true;
        if (wanted != address || use != access) {
            address = wanted;
            access = use;
            asked = false;
        }
    }

    /** Whether a chain that could not be followed is to wait for an entry; else it is bad, and a refusal has done its work. */
    boolean waits() {
        if (!lacking && refusedNeeded && !looking) {
            refused = false;
        }
        return lacking;
    }

    /** Whether the chain followed last waits. */
    boolean isLacking() {
        return lacking;
    }

    /** Begins or ends a look at chains that are put back. */
    void looking(final boolean now) {
        looking = now;
    }

    /** Takes over the same entries but for some that have gone. */
    void take(final Iotlb next) {
        iotlb = next;
    }

    /** Takes over entries that tell of a range, given by its last address, what was not told before. */
    void take(final Iotlb next, final long first, final long last) {
        iotlb = next;
        if (refused && within(refusedAddress, first, last)) {
            refused = false;
        }
        if (within(address, first, last)) {
            final int entry = next.find(address);
            if (asked && entry >= 0 && !next.allows(entry, access)) {
                refuse(); // it came when it was asked for, and does not do: to ask again would be answered in the same way
            }
            asked = false;
            lacking = false;
        }
    }

    private static boolean within(final long address, final long first, final long last) {
        return Long.compareUnsigned(address - first, last - first) <= 0;
    }

    /** Says that what was asked for is not to be had; false where that is not what it waits for any more. */
    public boolean refuse(final long wanted, final int use) {
        if (!asked || wanted != address || use != access) {
            return false;
        }
        refuse();
        asked = false;
        lacking = false;
        return true;
    }

    private void refuse() {
        refused = true;
        refusedAddress = address;
        refusedAccess = access;
        denied = iotlb.find(address) >= 0;
    }

    /** Forgets that anything was asked for: whoever was asked is gone. */
    public void askAgain() {
        asked = false;
    }

    /** Tells what there is to be told, once. */
    public void tell(final IotlbRequests requests) {
        if (denied) {
            denied = false;
            requests.denied(refusedAddress, refusedAccess);
        }
        if (lacking && !asked) {
            asked = true;
            requests.missing(address, access);
        }
    }
}
