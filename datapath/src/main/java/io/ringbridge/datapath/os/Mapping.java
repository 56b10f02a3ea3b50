package io.ringbridge.datapath.os;

/**
 * A shared mapping of a part of a file, or memory of this process alone.
 *
 * <p>Owned by whoever made it. Closing it while anyone may still touch {@link #address} ends the process: every holder of an
 * address has to have let go before (see {@code docs/architecture.md}, order of teardown).
 */
public final class Mapping implements AutoCloseable {
    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_SHARED = 1;
    private static final int MAP_PRIVATE = 2;
    private static final int MAP_ANONYMOUS = 0x20;
    private static final int MAP_NORESERVE = 0x4000;
    private static final int PROT_NONE = 0;
    private static final int MADV_DONTDUMP = 16;
    private static final int MADV_POPULATE_READ = 22;

    private final long base;
    private final long length;
    private final long address;
    private final long size;
    private boolean closed;

    private Mapping(final long base, final long length, final long address, final long size) {
        this.base = base;
        this.length = length;
        this.address = address;
        this.size = size;
    }

    /**
     * Maps {@code size} bytes of a file from {@code offset} on, after a look at the file's own size.
     *
     * @param fd the file; it stays the caller's
     * @param offset in bytes; need not be aligned
     * @param size in bytes, positive
     * @throws OsException when the file is shorter than {@code offset + size}, or cannot be mapped
     */
    public static Mapping map(final int fd, final long offset, final long size) {
        if (offset < 0 || size <= 0 || offset + size < 0) {
            throw new OsException("cannot map " + Long.toUnsignedString(size) + " bytes at offset " + Long.toUnsignedString(offset)
                + ": allowed are 1 to 2^63-1 in all");
        }
        final long fileSize = fileSize(fd);
        if (fileSize < offset + size) {
            throw new OsException("cannot map " + size + " bytes at offset " + offset + " of " + Fd.target(fd)
                + ", which has " + Math.max(0, fileSize));
        }
        final long blockSize = Math.max(4096, Libc.fstat(fd, Libc.StatField.BLOCK_SIZE));
        final long start = offset - offset % blockSize; // hugetlbfs maps only at multiples of its page
        final long length = (offset + size - start + blockSize - 1) / blockSize * blockSize;
        final long base = Libc.mmap(length, PROT_READ_WRITE, MAP_SHARED | MAP_NORESERVE, fd, start);
        if (base < 0 && base > -4096) {
            throw new OsException("mmap of " + length + " bytes", base);
        }
        Libc.madvise(base, length, MADV_DONTDUMP);
        return new Mapping(base, length, base + (offset - start), size);
    }

    /**
     * Memory of this process alone, zeros at first; it takes up room only where it has been touched.
     *
     * @param size in bytes, positive
     */
    public static Mapping anonymous(final long size) {
        final long length = (size + 4095) / 4096 * 4096;
        final long base = Libc.mmap(length, PROT_READ_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (base < 0 && base > -4096) {
            throw new OsException("mmap of " + length + " bytes", base);
        }
        return new Mapping(base, length, base, size);
    }

    /** The size of a file in bytes; negative where it has none. */
    public static long fileSize(final int fd) {
        return Libc.fstat(fd, Libc.StatField.SIZE);
    }

    /** Where the part begins in this process. */
    public long address() {
        return address;
    }

    public long size() {
        return size;
    }

    /** Where all that is mapped begins: the part may begin within a page. */
    long base() {
        return base;
    }

    /** All bytes that are mapped, whole pages. */
    long length() {
        return length;
    }

    /** How many bytes are mapped before the part. */
    public long lead() {
        return address - base;
    }

    /** How many pages are mapped, the one in which the part begins the first. */
    public long pages(final long pageSize) {
        return length / pageSize;
    }

    /**
     * Which of 64 pages are in memory, so that a touch does not wait: a bit each, that of page {@code first} the lowest. The kernel says so
     * of all pages of a file that this process may not write, see {@link Fd#mayBeWritten}.
     */
    public long present(final long first, final long pageSize) {
        return Libc.mincore(base + first * pageSize, pageSize, (int) Math.min(Long.SIZE, pages(pageSize) - first));
    }

    /**
     * Brings a page into memory, and waits until it is there, in a system call: the calling thread is at a safepoint meanwhile, and a
     * page that is not to be had is an answer, not a signal.
     *
     * @return whether it is there
     */
    public boolean populate(final long page, final long pageSize) {
        int rc;
        do {
            rc = Libc.madvise(base + page * pageSize, pageSize, MADV_POPULATE_READ);
        } while (rc == -Libc.EINTR || rc == -Libc.EAGAIN);
        return rc == 0;
    }

    /** Whether the kernel knows how to {@link #populate}: since Linux 5.14. */
    static boolean canPopulate() {
        try (Mapping page = anonymous(1)) {
            return Libc.madvise(page.base, page.length, MADV_POPULATE_READ) == 0;
        }
    }

    /** Allows no access any more: who populates, or waits for a page and is woken, is refused. */
    public void deny() {
        final int rc = Libc.mprotect(base, length, PROT_NONE);
        if (rc < 0) {
            throw new OsException("mprotect", rc);
        }
    }

    /** Unmaps, once. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            final int rc = Libc.munmap(base, length);
            if (rc < 0) {
                throw new OsException("munmap", rc);
            }
        }
    }
}
