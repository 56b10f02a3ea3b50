package io.ringbridge.datapath.memory;

import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.Userfault;

/**
 * A region whose pages are still arriving from the guest's previous host (vhost-user, "Migration", postcopy).
 *
 * <p>The region is mapped a second time. Only on this second mapping does an access to a missing page cause a userfault
 * event and wait for the page. Workers use the first mapping, on which no thread ever waits. There, an access to a
 * missing page would create a page of zeros, so workers must call {@link #extent} first.
 *
 * <p>The session creates it, and closes it before the region. Any worker may call {@link #extent}. The record of
 * present pages only grows. If two workers update a word at the same time, one update may be lost; the kernel is then
 * asked again.
 */
public final class IncomingRegion implements AutoCloseable {
    private static final long PAGE_SIZE = Memory.pageSize();
    private static final int PAGE_SHIFT = Long.numberOfTrailingZeros(PAGE_SIZE);
    private static final int WORD_SHIFT = 6;
    /** The pages in a word of the record, and also the most that {@link #extent} covers. */
    private static final int PAGES_PER_WORD = 1 << WORD_SHIFT;

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
        record = new long[Math.toIntExact((pages + PAGES_PER_WORD - 1) >>> WORD_SHIFT)];
    }

    /**
     * Maps a region a second time, and registers this mapping for userfault events.
     *
     * @throws MemoryException if the kernel refuses this, or would not report the pages that are present
     */
    public static IncomingRegion watch(final MemoryRegion region, final Userfault faults) {
        final String what = "region at guest address 0x" + Long.toHexString(region.guestAddress());
        if (!Fd.canOpenForWriting(region.fd())) {
            throw new MemoryException(what + ": this process may not open the file for writing, so the kernel does not"
                + " report the pages that have arrived; write permission is needed");
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

    /** Returns the region's start in the second mapping, whose addresses the front-end receives in events. */
    public long watchedAddress() {
        return watched.address();
    }

    MemoryRegion region() {
        return region;
    }

    /**
     * Returns the number of contiguous bytes that are present from an offset in the region on, up to a limit. The
     * number is 0 if the page at the offset is missing. Neither allocates nor waits. A page whose presence is not
     * recorded yet costs a system call.
     */
    long extent(final long offset) {
        final long at = lead + offset;
        final long first = at >>> PAGE_SHIFT;
        if (!isThere(first)) {
            return 0;
        }
        final long most = Math.min(first + PAGES_PER_WORD, pages);
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
     * @return false if the page cannot be obtained because the file was truncated
     */
    synchronized boolean fetch(final long offset) {
        return stopped || watched.populate(lead + offset >>> PAGE_SHIFT, PAGE_SIZE) || stopped;
    }

    /** Ends all waits for pages, without creating a page. */
    public void stop() {
        if (!stopped) {
            stopped = true;
            try {
                watched.deny(); // first: a woken thread would otherwise create a page of zeros on the unwatched mapping
            } finally {
                faults.forget(watched);
            }
        }
    }

    /** Stops, and unmaps the second mapping. No worker may use the region any more. */
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
