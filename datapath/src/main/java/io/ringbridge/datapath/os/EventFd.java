package io.ringbridge.datapath.os;

/**
 * A kick, call or error descriptor: a 64-bit counter of the kernel's.
 *
 * <p>Non-blocking always: a counter that its other holder has filled makes {@link #signal} do nothing, never wait.
 * Any thread may signal and drain; one owner closes.
 */
public final class EventFd implements AutoCloseable {
    private static final int EFD_CLOEXEC = 0x80000;
    private static final int EFD_NONBLOCK = 0x800;
    private static final int O_NONBLOCK = 0x800;
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;

    private final int fd;
    private boolean closed;

    private EventFd(final int fd) {
        this.fd = fd;
    }

    /** Makes a new one with a count of zero. */
    public static EventFd create() {
        final int fd = Libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0) {
            throw new OsException("eventfd", fd);
        }
        return new EventFd(fd);
    }

    /**
     * Takes over a descriptor that a peer sent.
     *
     * @param fd the descriptor; closed when it is refused
     * @throws OsException when it is anything but an eventfd
     */
    public static EventFd adopt(final int fd) {
        final String target = Fd.target(fd);
        if (!target.contains("[eventfd]")) {
            Fd.close(fd);
            throw new OsException("a descriptor of a ring is " + target + "; an eventfd is needed");
        }
        final int flags = Libc.fcntl(fd, F_GETFL, 0);
        Libc.fcntl(fd, F_SETFL, flags | O_NONBLOCK);
        return new EventFd(fd);
    }

    /** Adds one to the count, which wakes whoever waits for it. */
    public void signal() {
        Libc.writeLong(fd, 1);
    }

    /** Takes the count back to zero; true when it was not. Never waits, whatever its other holder makes of the descriptor. */
    public boolean drain() {
        return Libc.readLong(fd) == 8;
    }

    /** The descriptor's number, for handing it on; it remains this object's. */
    public int fd() {
        return fd;
    }

    /** Closes the descriptor, once. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            Fd.close(fd);
        }
    }
}
