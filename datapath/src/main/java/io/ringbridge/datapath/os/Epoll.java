package io.ringbridge.datapath.os;

/** Waits for any of several descriptors. Owned by the thread that waits; others wake it through a descriptor in the set. */
public final class Epoll implements AutoCloseable {
    private static final int EPOLL_CLOEXEC = 0x80000;
    private static final int EPOLL_CTL_ADD = 1;
    private static final int EPOLL_CTL_DEL = 2;
    private static final int EPOLLIN = 1;

    private final int fd;

    private Epoll(final int fd) {
        this.fd = fd;
    }

    /** Makes an empty set. */
    public static Epoll create() {
        final int fd = Libc.epollCreate(EPOLL_CLOEXEC);
        if (fd < 0) {
            throw new OsException("epoll_create1", fd);
        }
        return new Epoll(fd);
    }

    /** Adds a descriptor; one that is readable ends the wait until it is drained. */
    public void add(final EventFd event) {
        add(event.fd());
    }

    /** Adds a device; one that has a frame, or is gone, ends the wait. */
    public void add(final FrameDevice device) {
        add(device.fd());
    }

    private void add(final int added) {
        final int rc = Libc.epollControl(fd, EPOLL_CTL_ADD, added, EPOLLIN);
        if (rc < 0) {
            throw new OsException("epoll_ctl add " + added, rc);
        }
    }

    /** Removes a descriptor, before it is closed. */
    public void remove(final EventFd event) {
        Libc.epollControl(fd, EPOLL_CTL_DEL, event.fd(), 0);
    }

    /** Removes a device, before it is closed; one that was removed already is left alone. */
    public void remove(final FrameDevice device) {
        Libc.epollControl(fd, EPOLL_CTL_DEL, device.fd(), 0);
    }

    /**
     * Waits.
     *
     * @param timeoutMillis how long at the most; -1 for ever
     * @return whether a descriptor is readable
     */
    public boolean await(final int timeoutMillis) {
        return Libc.epollWait(fd, timeoutMillis) > 0;
    }

    @Override
    public void close() {
        Fd.close(fd);
    }
}
