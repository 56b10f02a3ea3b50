package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Iotlb;

/**
 * Translates the addresses of a ring behind an IOMMU, and requests missing IOTLB entries (vhost-user, "IOMMU support").
 *
 * <p>If an address has no entry, or an entry that forbids the access, the entry is requested once. The chain that needs
 * it stays in the ring until the entry arrives. If the front-end reports that there is no such entry, or sends one that
 * still forbids the access, the address is refused. The next chain that needs the address is then bad. The one after it
 * requests the entry again, since drivers may map addresses at any time. Owned by the ring's worker.
 */
public final class Translation {
    private Iotlb iotlb;
    /** The address that the last chain lacked. */
    private long address;
    private int access;
    /** Whether the entry for {@link #address} was requested. */
    private boolean requested;
    private boolean missing;
    private long refusedAddress;
    private int refusedAccess;
    private boolean refused;
    private boolean refusedNeeded;
    /** Whether to report the refusal to the driver, because there is an entry that forbids the access. */
    private boolean denied;
    private boolean keepRefusal;

    Translation(final Iotlb iotlb) {
        this.iotlb = iotlb;
    }

    Iotlb iotlb() {
        return iotlb;
    }

    /** Prepares for the next chain. */
    void begin() {
        missing = false;
        refusedNeeded = false;
    }

    /**
     * Translates a range that the device reads. If part of it has no entry for reading, the first such address is
     * recorded.
     *
     * @return the address in this process, or {@link GuestMemory#UNMAPPED} if the range is not mapped or not contiguous
     */
    long read(final long wanted, final int length) {
        final long known = iotlb.translateKnown(wanted, length, Iotlb.READ);
        if (known < length) {
            recordMissing(wanted + known, Iotlb.READ);
            return GuestMemory.UNMAPPED;
        }
        return iotlb.translate(wanted, length, Iotlb.READ);
    }

    /** Records an address for which the current chain has no entry that allows this access. */
    void recordMissing(final long wanted, final int use) {
        if (missing) {
            return; // only the first missing address is recorded
        }
        if (refused && wanted == refusedAddress && use == refusedAccess) {
            refusedNeeded = true;
            return;
        }
        missing = true;
        if (wanted != address || use != access) {
            address = wanted;
            access = use;
            requested = false;
        }
    }

    /** Whether a chain that could not be followed should wait for an entry. If not, it is bad, and the refusal ends. */
    boolean shouldWait() {
        if (!missing && refusedNeeded && !keepRefusal) {
            refused = false;
        }
        return missing;
    }

    /** Whether the last chain waits for an entry. */
    boolean isMissing() {
        return missing;
    }

    /** Sets whether a refusal stays in force after a bad chain, because chains may be put back. */
    void keepRefusal(final boolean keep) {
        keepRefusal = keep;
    }

    /** Replaces the entries by the same ones without some that were removed. */
    void replace(final Iotlb next) {
        iotlb = next;
    }

    /** Replaces the entries by ones that add translations for a range, up to its address {@code last}. */
    void extend(final Iotlb next, final long first, final long last) {
        iotlb = next;
        if (refused && within(refusedAddress, first, last)) {
            refused = false;
        }
        if (within(address, first, last)) {
            final int entry = next.find(address);
            if (requested && entry >= 0 && !next.allows(entry, access)) {
                refuse(); // the requested entry does not allow the access; another request would get the same reply
            }
            requested = false;
            missing = false;
        }
    }

    private static boolean within(final long address, final long first, final long last) {
        return Long.compareUnsigned(address - first, last - first) <= 0;
    }

    /**
     * Refuses a requested address.
     *
     * @return false if the ring no longer waits for this address
     */
    public boolean refuse(final long wanted, final int use) {
        if (!requested || wanted != address || use != access) {
            return false;
        }
        refuse();
        requested = false;
        missing = false;
        return true;
    }

    private void refuse() {
        refused = true;
        refusedAddress = address;
        refusedAccess = access;
        denied = iotlb.find(address) >= 0;
    }

    /** Forgets the outstanding request, because its receiver is gone. */
    public void forgetRequest() {
        requested = false;
    }

    /** Sends the pending requests and reports, each once. */
    public void tell(final IotlbRequests requests) {
        if (denied) {
            denied = false;
            requests.denied(refusedAddress, refusedAccess);
        }
        if (missing && !requested) {
            requested = true;
            requests.missing(address, access);
        }
    }
}
