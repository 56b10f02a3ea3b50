package io.ringbridge.datapath.os;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

/**
 * Determines whether an access to memory would raise SIGBUS, without raising it. The reason may be a page beyond the
 * end of its file, a file system without room, a read error, or a hardware failure. Any thread may call.
 *
 * <p>A probe has the same effect on a page as an access: it creates a page that is missing in a sparse file. Only pages
 * that were accessed before may therefore be probed.
 */
public final class MemoryProbe {
    private static final int MADV_POPULATE_READ = 22;
    private static final int MADV_POPULATE_WRITE = 23;
    private static final int MFD_CLOEXEC = 1;
    private static final int EHWPOISON = 133;
    private static final int MADV_NORMAL = 0;
    private static final int ENOMEM = 12;
    private static final long PAGE = Libc.pageSize();
    private static final boolean POPULATES = Mapping.canPopulate();

    private MemoryProbe() {
    }

    /**
     * Whether a whole range can be accessed. Pages that are not mapped count as accessible, because they no longer
     * belong to a guest.
     *
     * @param writes whether to probe a write rather than a read
     */
    public static boolean isThere(final long address, final long length, final boolean writes) {
        return isThere(address, length, writes, POPULATES);
    }

    static boolean isThere(final long address, final long length, final boolean writes, final boolean populates) {
        if (length <= 0) {
            return true;
        }
        final long first = address / PAGE * PAGE;
        final long pages = (address + length - first + PAGE - 1) / PAGE;
        return populates ? populate(first, pages * PAGE, writes) : read(first, pages);
    }

    /**
     * Whether all pages of a range are resident. A page that was accessed a moment ago is resident, unless its file was
     * truncated and extended since.
     */
    public static boolean isResident(final long address, final long length) {
        for (long page = address / PAGE * PAGE; page < address + length; page += PAGE) {
            if (Libc.mincore(page, PAGE, 1) == 0) {
                return false;
            }
        }
        return true;
    }

    private static boolean populate(final long first, final long bytes, final boolean writes) {
        int rc;
        do {
            rc = Libc.madvise(first, bytes, writes ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
        } while (rc == -Libc.EINTR || rc == -Libc.EAGAIN);
        return rc != -Libc.EFAULT && rc != -EHWPOISON;
    }

    /** Probes before Linux 5.14: the kernel reads one byte per page, and reports a page that it cannot read. */
    private static boolean read(final long first, final long pages) {
        final int reader = Libc.memfdCreate("probe", MFD_CLOEXEC);
        if (reader < 0) {
            throw new OsException("memfd_create probe", reader);
        }
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment iovec = arena.allocate(16, 8);
            iovec.set(JAVA_LONG, 8, 1);
            for (long page = 0; page < pages; page++) {
                final long address = first + page * PAGE;
                iovec.set(JAVA_LONG, 0, address);
                if (Libc.writev(reader, iovec.address(), 1) == -Libc.EFAULT
                    && Libc.madvise(address, PAGE, MADV_NORMAL) != -ENOMEM) {
                    return false;
                }
            }
            return true;
        } finally {
            Fd.close(reader);
        }
    }
}
