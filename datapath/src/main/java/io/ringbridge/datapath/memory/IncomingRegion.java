package io.ringbridge.datapath.memory;

import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.Userfault;

/**
 * A region of which pages are still to come from the host that the guest was on (vhost-user, "Migration", postcopy).
 *
 * <p>It is mapped a second time, and only there a page that is missing is told of, and waited for. Workers use the first mapping, on which
 * nobody ever waits: a touch of a page that is not there would make one of zeros, so that they have to look first, with {@link #extent}.
 *
 * <p>Made and closed by the session, which closes it before the region. Any worker looks. What is recorded of pages only ever grows;
 * where two write at a time and one is lost, it is found again.
 */
public final class IncomingRegion implements AutoCloseable {
    private static final long PAGE_SIZE = Memory.pageSize();
    private static final int PAGE_SHIFT = Long.numberOfTrailingZeros(PAGE_SIZE);
    /** Pages that the record has in a word. */
    private static final int WORD_SHIFT = 6;
    /** How far a look goes. */
    private static final int FAR = 64;

    private final MemoryRegion region;
    private final Userfault faults;
    private final Mapping watched;
    private final long lead;
    private final long pages;
    private final long[] record;
    private volatile boolean stopped;

    private IncomingRegion(final MemoryRegion region, final Userfault faults, final Mapping watched) {
        this.region = region;
        this.faults = faults;
        this.watched = watched;
        lead = watched.lead();
        pages = watched.pages(PAGE_SIZE);
        record = new long[Math.toIntExact((pages + FAR - 1) >>> WORD_SHIFT)];
    }

    /**
     * Maps a region a second time, with its missing pages told of.
     *
     * @throws MemoryException when the kernel refuses that, or would not say which pages are there
     */
    public static IncomingRegion watch(final MemoryRegion region, final Userfault faults) {
        final String what = "region at guest address 0x" + Long.toHexString(region.guestAddress());
        if (!Fd.mayBeWritten(region.fd())) {
            throw new MemoryException(what + ": its file may not be opened by this process, which cannot tell then what has come of it");
        }
        Mapping mapping = null;
        try {
            mapping = region.mapAgain();
            faults.watch(mapping);
            return new IncomingRegion(region, faults, mapping);
        } catch (final OsException e) {
            if (mapping != null) {
                mapping.close();
            }
            throw new MemoryException(what + ": " + e.getMessage(), e);
        }
    }

    /** Where the second mapping has the region, in whose terms the front-end is told of what is missing. */
    public long watchedAddress() {
        return watched.address();
    }

    MemoryRegion region() {
        return region;
    }

    /**
     * How many bytes are there in a row, up to some, from an offset in the region on; 0 when its page is not. Allocates nothing, and waits
     * for nothing; a page not seen before costs a system call.
     */
    long extent(final long offset) {
        final long at = lead + offset;
        final long first = at >>> PAGE_SHIFT;
        if (!isThere(first)) {
            return 0;
        }
        final long most = Math.min(first + FAR, pages);
        long end = first + 1;
        while (end < most && isThere(end)) {
            end++;
        }
        return Math.min((end << PAGE_SHIFT) - at, region.size() - offset);
    }

    private boolean isThere(final long page) {
        final int word = (int) (page >>> WORD_SHIFT);
        final long bit = 1L << page;
        if ((record[word] & bit) == 0) {
            record[word] |= watched.present((long) word << WORD_SHIFT, PAGE_SIZE);
        }
        return (record[word] & bit) != 0;
    }

    /**
     * Waits for the page at an offset in the region, or for {@link #stop}.
     *
     * @return false when it is not to be had, as its file was cut
     */
    synchronized boolean fetch(final long offset) {
        return stopped || watched.populate(lead + offset >>> PAGE_SHIFT, PAGE_SIZE) || stopped;
    }

    /** Lets whoever waits for a page wait no more. No page is made by that. */
    public void stop() {
        if (!stopped) {
            stopped = true;
            try {
                watched.deny(); // first, or who is woken would find nobody watching, and make a page of zeros
            } finally {
                faults.forget(watched);
            }
        }
    }

    /** Stops, and unmaps what was mapped for this; only after every worker has let go. */
    @Override
    public void close() {
        try {
            stop();
        } finally {
            unmap();
        }
    }

    private synchronized void unmap() {
        watched.close();
    }
}
