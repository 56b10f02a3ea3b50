package io.ringbridge.datapath.os;

/**
 * A shared mapping of a part of a file, or private memory of this process.
 *
 * <p>Owned by its creator. An access to {@link #address} after the close ends the process, so every user of the address
 * must have finished before (see {@code docs/architecture.md}, order of teardown).
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
     * Maps {@code size} bytes of a file from {@code offset} on, after a check of the file's size.
     *
     * @param fd the file; the caller still owns it
     * @param offset in bytes; need not be aligned
     * @param size in bytes, positive
     * @throws OsException if the file is shorter than {@code offset + size}, or cannot be mapped
     */
    public static Mapping map(final int fd, final long offset, final long size) {
        if (offset < 0 || size <= 0 || offset + size < 0) {
            throw new OsException("cannot map " + Long.toUnsignedString(size) + " bytes at offset "
                + Long.toUnsignedString(offset) + ": the size must be positive, and the end at most 2^63-1");
        }
        final long fileSize = fileSize(fd);
        if (fileSize < offset + size) {
            throw new OsException("cannot map " + size + " bytes at offset " + offset + " of " + Fd.target(fd)
                + ", which has " + Math.max(0, fileSize) + " bytes");
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
     * Creates zeroed private memory. Only pages that have been touched consume memory.
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

    /** Returns the size of a file in bytes, or a negative number if the size is unknown. */
    public static long fileSize(final int fd) {
        return Libc.fstat(fd, Libc.StatField.SIZE);
    }

    /** Returns the address of the part in this process. */
    public long address() {
        return address;
    }

    public long size() {
        return size;
    }

    /** Returns the address of the first mapped page. The part may start inside this page. */
    long base() {
        return base;
    }

    /** Returns the bytes of all mapped pages. */
    long length() {
        return length;
    }

    /** Returns the number of bytes that are mapped before the part. */
    public long lead() {
        return address - base;
    }

    /** Returns the number of mapped pages. The part starts in the first. */
    public long pages(final long pageSize) {
        return length / pageSize;
    }

    /**
     * Returns which of 64 pages are resident, so that an access does not wait: one bit per page, the lowest for page
     * {@code first}. If this process may not write the file, the kernel reports every page as resident, see
     * {@link Fd#canOpenForWriting}.
     */
    public long present(final long first, final long pageSize) {
        return Libc.mincore(base + first * pageSize, pageSize, (int) Math.min(Long.SIZE, pages(pageSize) - first));
    }

    /**
     * Brings a page into memory, and waits until it is resident. Because this is a system call, the wait does not delay
     * safepoints. A page that cannot be obtained is a result instead of a signal.
     *
     * @return whether the page is resident
     */
    public boolean populate(final long page, final long pageSize) {
        int rc;
        do {
            rc = Libc.madvise(base + page * pageSize, pageSize, MADV_POPULATE_READ);
        } while (rc == -Libc.EINTR || rc == -Libc.EAGAIN);
        return rc == 0;
    }

    /** Whether the kernel supports {@link #populate}, as it does since Linux 5.14. */
    static boolean canPopulate() {
        try (Mapping page = anonymous(1)) {
            return Libc.madvise(page.base, page.length, MADV_POPULATE_READ) == 0;
        }
    }

    /** Denies all access. Every {@link #populate} fails from now on, including one that waits and is woken. */
    public void deny() {
        final int rc = Libc.mprotect(base, length, PROT_NONE);
        if (rc < 0) {
            throw new OsException("mprotect", rc);
        }
    }

    /** Unmaps the memory. Further calls have no effect. */
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
