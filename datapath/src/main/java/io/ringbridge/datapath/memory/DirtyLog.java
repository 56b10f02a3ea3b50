package io.ringbridge.datapath.memory;

import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemoryProbe;
import io.ringbridge.datapath.os.OsException;

import java.util.concurrent.atomic.AtomicLong;

/**
 * The bitmap from which a front-end learns the pages of a guest's memory that the device wrote (vhost-user,
 * "Migration").
 *
 * <pre>
 *  page = guest address / 4096       byte = page / 8       bit = page % 8
 * </pre>
 *
 * <p>Other processes read and clear it at any time. The session creates and closes it; workers mark pages.
 */
public final class DirtyLog implements AutoCloseable {
    /** Bytes of a page in the log, independent of the page sizes of guest and host. */
    public static final int PAGE_SIZE = 1 << 12;

    private static final int PAGE_SHIFT = 12;

    private final Mapping mapping;
    private final int fd;
    private final long offset;
    private final long start;
    private final long pages;
    private final AtomicLong marked = new AtomicLong();
    private boolean closed;

    private DirtyLog(final Mapping mapping, final int fd, final long offset) {
        this.mapping = mapping;
        this.fd = fd;
        this.offset = offset;
        start = mapping.address();
        pages = mapping.size() << 3;
    }

    /**
     * Maps a log.
     *
     * @param fd the file; the log owns it, and it is closed if the log is refused
     * @param offset the start of the log in the file, in bytes, which stands for guest address 0
     * @param size in bytes
     * @throws MemoryException if the numbers overflow, or the file does not cover the log
     */
    public static DirtyLog map(final int fd, final long offset, final long size) {
        try {
            return new DirtyLog(Mapping.map(fd, offset, size), fd, offset);
        } catch (final OsException e) {
            Fd.close(fd);
            throw new MemoryException("dirty log: " + e.getMessage(), e);
        }
    }

    /** Returns the bytes of the bitmap. */
    public long size() {
        return mapping.size();
    }

    /** Returns the start of the log in the file, in bytes. */
    public long offset() {
        return offset;
    }

    /** Returns the file's descriptor, to hand it over; this object still owns it. */
    public int fd() {
        return fd;
    }

    /**
     * Whether the file still covers the log, and its file system has room for all of it. If not, an access may raise
     * {@code InternalError}.
     */
    public boolean intact() {
        return Mapping.fileSize(fd) >= offset + mapping.size()
            && MemoryProbe.isThere(mapping.address(), mapping.size(), true);
    }

    /**
     * Orders writes to guest memory before the marks that follow. A front-end that clears a bit and then reads the page
     * must see the write. Without the fence, {@link #mark} could not skip a bit that is already set.
     */
    public static void fence() {
        Memory.fullFence();
    }

    /**
     * Marks the pages of a range as written, as far as the log covers them. A {@link #fence} must separate the write
     * from the mark.
     *
     * @param guestAddress the start of the range; any number
     * @param length in bytes; if it is not positive, or the range exceeds the address space, no page is marked
     */
    public void mark(final long guestAddress, final int length) {
        if (length <= 0) {
            return;
        }
        final long first = guestAddress >>> PAGE_SHIFT;
        final long last = Math.min(guestAddress + length - 1 >>> PAGE_SHIFT, pages - 1);
        for (long page = first; page <= last; page++) {
            if (Memory.setBits(start + (page >>> 3), (byte) (1 << (page & 7)))) {
                marked.incrementAndGet();
            }
        }
    }

    /** Returns the pages marked so far. A page counts again after the front-end has cleared its bit. */
    public long markedPages() {
        return marked.get();
    }

    /** Unmaps the log and closes its file. No worker may use the log any more. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            mapping.close();
            Fd.close(fd);
        }
    }
}
