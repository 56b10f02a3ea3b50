package io.ringbridge.datapath.os;

/** Waits for any of several descriptors. Owned by the thread that waits; others wake it through a descriptor in the set. */
public final class Epoll implements AutoCloseable {
    private static final int EPOLL_CLOEXEC = 0x80000;
    private static final int EPOLL_CTL_ADD = 1;
    private static final int EPOLL_CTL_DEL = 2;
    private static final int EPOLLIN = 1;
    private static final int EPOLLET = 1 << 31;
    private static final int MOST = 16;
    /** Stands for a descriptor that is not to be drained. */
    private static final int NONE = -1;

    private final int fd;
    /** The descriptors that ended the last wait. */
    private final int[] ready = new int[MOST];
    private int readyCount;

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
        add(event.fd(), EPOLLIN, event.fd());
    }

    /** Adds a device; one that has a frame, or is gone, ends the wait. */
    public void add(final FrameDevice device) {
        add(device.fd(), EPOLLIN, NONE);
    }

    /** Adds any descriptor; it ends one wait if it is readable, and one whenever more has come or its other end has gone. */
    public void watch(final int watched) {
        add(watched, EPOLLIN | EPOLLET, watched);
    }

    private void add(final int added, final int events, final int drained) {
        final int rc = Libc.epollControl(fd, EPOLL_CTL_ADD, added, events, drained);
        if (rc < 0) {
            throw new OsException("epoll_ctl add " + added, rc);
        }
    }

    /** Removes a descriptor, before it is closed. */
    public void remove(final EventFd event) {
        Libc.epollControl(fd, EPOLL_CTL_DEL, event.fd(), 0, NONE);
    }

    /** Removes a descriptor that is watched, before it is closed: others may have the open file as well. */
    public void unwatch(final int watched) {
        Libc.epollControl(fd, EPOLL_CTL_DEL, watched, 0, NONE);
    }

    /** Removes a device, before it is closed; one that was removed already is left alone. */
    public void remove(final FrameDevice device) {
        Libc.epollControl(fd, EPOLL_CTL_DEL, device.fd(), 0, NONE);
    }

    /**
     * Waits.
     *
     * @param timeoutMillis how long at the most; -1 for ever
     * @return whether a descriptor is readable
     */
    public boolean await(final int timeoutMillis) {
        readyCount = Math.max(0, Libc.epollWait(fd, ready, timeoutMillis));
        return readyCount > 0;
    }

    /** Whether an event ended the last wait, and was not drained since. */
    public boolean isReady(final EventFd event) {
        return isReady(event.fd());
    }

    /** Whether a descriptor ended the last wait, which was not drained since. */
    public boolean isReady(final int watched) {
        for (int i = 0; i < readyCount; i++) {
            if (ready[i] == watched) {
                return true;
            }
        }
        return false;
    }

    /** Takes the counts of the events that ended the last wait back to zero; those for which there was no room end the next. */
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
