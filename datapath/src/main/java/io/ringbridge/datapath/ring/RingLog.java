package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.EventFd;
import org.jspecify.annotations.Nullable;

/**
 * Records one ring's writes in a dirty log: those to the driver's buffers and those to the ring itself (vhost-user,
 * "Migration").
 *
 * <p>Rings and frames use addresses of this process. They are translated back to guest addresses through the region hit
 * last. A write is marked after it was made, and before its buffer is published to the driver. A ring has a log only
 * while the front-end wants one. Owned by the ring's worker.
 */
public final class RingLog {
    private final DirtyLog log;
    private final @Nullable EventFd changed;
    private final GuestMemory memory;
    private final long device;
    private final boolean ringLogged;
    private boolean marked;
    private long regionHost;
    private long regionSize;
    private long regionStart;

    /**
     * Creates a log for one ring.
     *
     * @param changed signalled after the log was written; may be null
     */
    RingLog(final DirtyLog log, final @Nullable EventFd changed, final GuestMemory memory,
            final RingAddresses addresses) {
        this.log = log;
        this.changed = changed;
        this.memory = memory;
        device = addresses.log();
        ringLogged = device != RingAddresses.NOT_LOGGED;
    }

    /** Returns a log for the same ring after its memory or its addresses have changed. */
    RingLog withMemory(final GuestMemory newMemory, final RingAddresses newAddresses) {
        return new RingLog(log, changed, newMemory, newAddresses);
    }

    /** Whether the log's file is intact. Costs a system call: for use after a fault. */
    boolean intact() {
        return log.intact();
    }

    /** Marks a range of this process's addresses within one region as written. Only after {@link DirtyLog#fence}. */
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

    /** Marks the first {@code bytes} of these pieces as written. The pieces must have at least that many bytes. */
    public void written(final Segments pieces, final int bytes) {
        DirtyLog.fence();
        int left = bytes;
        for (int i = 0; left > 0; i++) {
            final int n = Math.min(left, pieces.length(i));
            written(pieces.address(i), n);
            left -= n;
        }
    }

    /** Marks a part of the device area as written. Only after {@link DirtyLog#fence}. */
    void deviceWritten(final long offset, final int length) {
        if (ringLogged) {
            mark(device + offset, length);
        }
    }

    /**
     * Marks the 8 bytes of a used packed descriptor, at an address of this process. Only after {@link DirtyLog#fence}.
     */
    void descriptorWritten(final long address) {
        if (ringLogged) {
            written(address, 8);
        }
    }

    /** Marks the part of the device area that controls kicks as written, after a fence. */
    void eventWritten(final long offset, final int length) {
        DirtyLog.fence();
        deviceWritten(offset, length);
        signal();
    }

    private void mark(final long guestAddress, final int length) {
        log.mark(guestAddress, length);
        marked = true;
    }

    /** Notifies the front-end if the log was written since the last call. Called once per burst. */
    void signal() {
        if (marked && changed != null) {
            changed.signal();
        }
        marked = false;
    }
}
