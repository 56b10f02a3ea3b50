package io.ringbridge.datapath.memory;

import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemoryProbe;
import io.ringbridge.datapath.os.OsException;

/**
 * The bitmap in which a front-end learns what the device wrote to a guest's memory (vhost-user, "Migration").
 *
 * <pre>
 *  page = guest address / 4096       byte = page / 8       bit = page % 8
 * </pre>
 *
 * <p>Other processes read and clear it all the time. Made and closed by the session; workers mark.
 */
public final class DirtyLog implements AutoCloseable {
    /** Bytes of a page of the log, whatever the pages of guest or host are. */
    public static final int PAGE_SIZE = 1 << 12;

    private static final int PAGE_SHIFT = 12;

    private final Mapping mapping;
    private final int fd;
    private final long offset;
    private final long start;
    private final long pages;
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
     * @param fd the file; taken over, and closed when the log is refused
     * @param offset where it begins in the file, in bytes; guest address 0 is there
     * @param size in bytes
     * @throws MemoryException when the numbers overflow, or the file does not cover the log
     */
    public static DirtyLog map(final int fd, final long offset, final long size) {
        try {
            return new DirtyLog(Mapping.map(fd, offset, size), fd, offset);
        } catch (final OsException e) {
            Fd.close(fd);
            throw new MemoryException("dirty log: " + e.getMessage(), e);
        }
    }

    /** Bytes of the bitmap. */
    public long size() {
        return mapping.size();
    }

    /** Where it begins in the file, in bytes. */
    public long offset() {
        return offset;
    }

    /** The file's descriptor, for handing it on; it remains this object's. */
    public int fd() {
        return fd;
    }

    /**
     * Whether the file still covers the log, and there is room for all of it; a touch of what is not there raises {@code InternalError}.
     */
    public boolean intact() {
        return Mapping.fileSize(fd) >= offset + mapping.size() && MemoryProbe.isThere(mapping.address(), mapping.size(), true);
    }

    /**
     * Makes what was written before this visible before what is marked after it: a front-end that clears a bit and then reads the page
     * has to find the write. Without it, a bit that is set already could not be left alone.
     */
    public static void fence() {
        Memory.fullFence();
    }

    /**
     * Marks the pages of a range as written, those that the log covers. Only after a {@link #fence} that follows the write.
     *
     * @param guestAddress where the guest has it; any number
     * @param length in bytes; none are marked where it is not positive, or the range runs over the end of the address space
     */
    public void mark(final long guestAddress, final int length) {
        if (length <= 0) {
            return;
        }
        final long first = guestAddress >>> PAGE_SHIFT;
        final long last = Math.min(guestAddress + length - 1 >>> PAGE_SHIFT, pages - 1);
        for (long page = first; page <= last; page++) {
            Memory.setBits(start + (page >>> 3), (byte) (1 << (page & 7)));
        }
    }

    /** Unmaps; only after every worker has let go. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            mapping.close();
            Fd.close(fd);
        }
    }
}
