package io.ringbridge.datapath.os;

/** A file that lives in memory only, as guests' memory does. */
public final class MemFd implements AutoCloseable {
    private static final int MFD_CLOEXEC = 1;

    private final int fd;
    private final long size;

    private MemFd(final int fd, final long size) {
        this.fd = fd;
        this.size = size;
    }

    /**
     * Makes one, filled with zeros.
     *
     * @param name what {@code /proc/PID/maps} shows it as
     * @param size in bytes
     */
    public static MemFd create(final String name, final long size) {
        final int fd = Libc.memfdCreate(name, MFD_CLOEXEC);
        if (fd < 0) {
            throw new OsException("memfd_create " + name, fd);
        }
        final MemFd file = new MemFd(fd, size);
        final int rc = Libc.ftruncate(fd, size);
        if (rc < 0) {
            file.close();
            throw new OsException("ftruncate " + name + " to " + size + " bytes", rc);
        }
        return file;
    }

    /** Cuts the file, or extends it; what guests do to hurt a switch. */
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
