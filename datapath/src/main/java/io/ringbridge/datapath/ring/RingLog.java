package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.EventFd;

/**
 * Tells a dirty log what the device writes by one ring: to the driver's buffers, and to the ring itself (vhost-user, "Migration").
 *
 * <p>Rings and frames know addresses of this process; the way back to the guest's leads over the region last hit. Owned by the
 * ring's worker, and only there while the front-end wants a log. A write is marked after it was made, and before the driver is
 * shown the buffers it was for.
 */
public final class RingLog {
    private final DirtyLog log;
    private final EventFd changed;
    private final GuestMemory memory;
    private final long device;
    private final boolean ringLogged;
    private boolean marked;
    private long regionHost;
    private long regionSize;
    private long regionStart;

    /**
     * Begins to tell.
     *
     * @param changed signalled when the log was written; may be null
     */
    RingLog(final DirtyLog log, final EventFd changed, final GuestMemory memory, final RingAddresses addresses) {
        this.log = log;
        this.changed = changed;
        this.memory = memory;
        device = addresses.log();
        ringLogged = device != RingAddresses.NOT_LOGGED;
    }

    /** The same for a ring whose memory or place has changed. */
    RingLog moved(final GuestMemory newMemory, final RingAddresses newAddresses) {
        return new RingLog(log, changed, newMemory, newAddresses);
    }

    /** Whether the log's file is still there. Costs a system call: for use after a fault. */
    boolean intact() {
        return log.intact();
    }

    /** Marks a range of this process's addresses, in one region, as written. Only after {@link DirtyLog#fence}. */
    public void written(final long address, final int length) {
        if (Long.compareUnsigned(address - regionHost, regionSize) >= 0) {
            final int region = memory.findHost(address);
            if (region < 0) {
                return;
            }
            regionHost = memory.hostStart(region);
            regionSize = memory.size(region);
            regionStart = memory.guestStart(region);
        }
        mark(address - regionHost + regionStart, length);
    }

    /** Marks so many bytes from the front of these pieces as written; no more than there are. */
    public void written(final Segments pieces, final int bytes) {
        DirtyLog.fence();
        int left = bytes;
        for (int i = 0; left > 0; i++) {
            final int n = Math.min(left, pieces.length(i));
            written(pieces.address(i), n);
            left -= n;
        }
    }

    /** Marks a part of the used ring, or of the packed ring's event structure, as written. Only after {@link DirtyLog#fence}. */
    void deviceWritten(final long offset, final int length) {
        if (ringLogged) {
            mark(device + offset, length);
        }
    }

    /** Marks what use makes of a packed descriptor, 8 bytes at an address of this process. Only after {@link DirtyLog#fence}. */
    void descriptorWritten(final long address) {
        if (ringLogged) {
            written(address, 8);
        }
    }

    /** Marks words by which the device tells the driver when to kick. */
    void eventWritten(final long offset, final int length) {
        DirtyLog.fence();
        deviceWritten(offset, length);
        signal();
    }

    private void mark(final long guestAddress, final int length) {
        log.mark(guestAddress, length);
        marked = true;
    }

    /** Tells the front-end that the log was written, if it was since this was last asked; once a burst. */
    void signal() {
        if (marked && changed != null) {
            changed.signal();
        }
        marked = false;
    }
}
