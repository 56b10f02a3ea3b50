package io.ringbridge.datapath.os;

/** A file in memory, such as a guest's memory. */
public final class MemFd implements AutoCloseable {
    private static final int MFD_CLOEXEC = 1;
    private static final int MFD_ALLOW_SEALING = 2;
    private static final int MFD_HUGETLB = 4;
    private static final int MFD_HUGE_2MB = 21 << 26;
    private static final int F_ADD_SEALS = 1033;
    private static final int F_SEAL_SEAL = 1;
    private static final int F_SEAL_SHRINK = 2;
    private static final int F_SEAL_GROW = 4;

    private final int fd;
    private final long size;

    private MemFd(final int fd, final long size) {
        this.fd = fd;
        this.size = size;
    }

    /**
     * Creates a file of zeros.
     *
     * @param name the file's name in {@code /proc/PID/maps}
     * @param size in bytes
     */
    public static MemFd create(final String name, final long size) {
        final MemFd file = new MemFd(open(name, 0), size);
        return file.orClosed("ftruncate", name, Libc.ftruncate(file.fd, size));
    }

    /**
     * Creates a file of zeros whose size nobody can change, so that a process that receives it cannot cause faults in
     * this one by truncating it.
     *
     * @param name the file's name in {@code /proc/PID/maps}
     * @param size in bytes
     */
    public static MemFd sealed(final String name, final long size) {
        final MemFd file = new MemFd(open(name, MFD_ALLOW_SEALING), size);
        file.orClosed("ftruncate", name, Libc.ftruncate(file.fd, size));
        return file.orClosed("seal", name,
            Libc.fcntl(file.fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW));
    }

    /**
     * Creates a file of zeros in huge pages of 2 MiB, and allocates these pages.
     *
     * @param size in bytes, a multiple of the page size
     * @throws OsException if the system does not have enough huge pages
     */
    public static MemFd ofHugePages(final String name, final long size) {
        final MemFd file = new MemFd(open(name, MFD_HUGETLB | MFD_HUGE_2MB), size);
        return file.orClosed("fallocate", name, Libc.fallocate(file.fd, size));
    }

    private static int open(final String name, final int flags) {
        final int fd = Libc.memfdCreate(name, MFD_CLOEXEC | flags);
        if (fd < 0) {
            throw new OsException("memfd_create " + name, fd);
        }
        return fd;
    }

    private MemFd orClosed(final String call, final String name, final int rc) {
        if (rc < 0) {
            close();
            throw new OsException(call + " " + name + " to " + size + " bytes", rc);
        }
        return this;
    }

    /** Truncates or extends the file, as a hostile guest may do. */
    public void resize(final long newSize) {
        final int rc = Libc.ftruncate(fd, newSize);
        if (rc < 0) {
            throw new OsException("ftruncate to " + newSize + " bytes", rc);
        }
    }

    public int fd() {
        return fd;
    }

    public long size() {
        return size;
    }

    @Override
    public void close() {
        Fd.close(fd);
    }
}
