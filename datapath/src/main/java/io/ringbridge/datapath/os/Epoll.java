package io.ringbridge.datapath.os;

/**
 * Waits for any of several descriptors. Owned by the thread that waits; other threads wake it through a descriptor in
 * the set.
 */
public final class Epoll implements AutoCloseable {
    private static final int EPOLL_CLOEXEC = 0x80000;
    private static final int EPOLL_CTL_ADD = 1;
    private static final int EPOLL_CTL_DEL = 2;
    private static final int EPOLLIN = 1;
    private static final int EPOLLET = 1 << 31;
    private static final int MOST = 16;
    /** Marks a descriptor that {@link #drain} skips. */
    private static final int NONE = -1;

    private final int fd;
    /** The descriptors that ended the last wait. */
    private final int[] ready = new int[MOST];
    private int readyCount;

    private Epoll(final int fd) {
        this.fd = fd;
    }

    /** Creates an empty set. */
    public static Epoll create() {
        final int fd = Libc.epollCreate(EPOLL_CLOEXEC);
        if (fd < 0) {
            throw new OsException("epoll_create1", fd);
        }
        return new Epoll(fd);
    }

    /** Adds an event. It ends every wait from the time it is signalled until it is drained. */
    public void add(final EventFd event) {
        add(event.fd(), EPOLLIN, event.fd());
    }

    /** Adds a device. It ends every wait while it has a frame or is gone. */
    public void add(final FrameDevice device) {
        add(device.fd(), EPOLLIN, NONE);
    }

    /**
     * Adds any descriptor, edge-triggered. It ends one wait if it is readable, and one wait each time more data arrives
     * or its other end is closed.
     */
    public void watch(final int watched) {
        add(watched, EPOLLIN | EPOLLET, watched);
    }

    private void add(final int added, final int events, final int drained) {
        final int rc = Libc.epollControl(fd, EPOLL_CTL_ADD, added, events, drained);
        if (rc < 0) {
            throw new OsException("epoll_ctl add " + added, rc);
        }
    }

    /** Removes an event before it is closed. */
    public void remove(final EventFd event) {
        Libc.epollControl(fd, EPOLL_CTL_DEL, event.fd(), 0, NONE);
    }

    /** Removes a watched descriptor before it is closed, because other processes may share the open file. */
    public void unwatch(final int watched) {
        Libc.epollControl(fd, EPOLL_CTL_DEL, watched, 0, NONE);
    }

    /** Removes a device before it is closed. Has no effect if the device was removed already. */
    public void remove(final FrameDevice device) {
        Libc.epollControl(fd, EPOLL_CTL_DEL, device.fd(), 0, NONE);
    }

    /**
     * Waits until a descriptor is readable.
     *
     * @param timeoutMillis the most time to wait, or -1 for no limit
     * @return false if the time ran out
     */
    public boolean await(final int timeoutMillis) {
        readyCount = Math.max(0, Libc.epollWait(fd, ready, timeoutMillis));
        return readyCount > 0;
    }

    /** Whether an event ended the last wait and was not drained since. */
    public boolean isReady(final EventFd event) {
        return isReady(event.fd());
    }

    /** Whether a watched descriptor ended the last wait and was not drained since. */
    public boolean isReady(final int watched) {
        for (int i = 0; i < readyCount; i++) {
            if (ready[i] == watched) {
                return true;
            }
        }
        return false;
    }

    /** Resets the events that ended the last wait. Events beyond the {@link #MOST} reported end the next wait. */
    public void drain() {
        for (int i = 0; i < readyCount; i++) {
            if (ready[i] != NONE) {
                Libc.readLong(ready[i]);
            }
        }
        readyCount = 0;
    }

    @Override
    public void close() {
        Fd.close(fd);
    }
}
