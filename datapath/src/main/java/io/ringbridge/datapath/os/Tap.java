package io.ringbridge.datapath.os;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One queue of a tap device: a descriptor of {@code /dev/net/tun}. A read returns a frame that the kernel sends through
 * the device, and a write makes the kernel receive one. Each frame has a virtio-net header of {@link #HEADER} bytes
 * before it.
 *
 * <p>With this header, either side may leave checksums and TCP segmentation to the other. The kernel also accepts UDP
 * datagrams to be fragmented, but does not send any.
 *
 * <p>Non-blocking. Read and written by the worker that owns it; opened and closed by the thread that drives the port.
 * The device is found in the network namespace of this process, and may be moved to another namespace afterwards.
 */
public final class Tap implements FrameDevice, AutoCloseable {
    private static final String CLONE = "/dev/net/tun";
    private static final int O_RDWR = 2;
    private static final int O_NONBLOCK = 0x800;
    private static final int O_CLOEXEC = 0x80000;
    private static final long TUNSETIFF = 0x400454CA;
    private static final long TUNGETIFF = 0x800454D2;
    private static final long TUNGETVNETHDRSZ = 0x800454D7;
    private static final long TUNSETPERSIST = 0x400454CB;
    private static final long TUNSETOFFLOAD = 0x400454D0;
    private static final long TUNSETVNETHDRSZ = 0x400454D8;
    private static final int TUN_F_CSUM = 0x01;
    private static final int TUN_F_TSO4 = 0x02;
    private static final int TUN_F_TSO6 = 0x04;
    private static final int TUN_F_TSO_ECN = 0x08;
    private static final int IFF_TAP = 0x0002;
    private static final int IFF_NO_PI = 0x1000;
    private static final int IFF_VNET_HDR = 0x4000;
    private static final int IFF_MULTI_QUEUE = 0x0100;

    private final String device;
    private final int fd;
    private boolean closed;

    private Tap(final String device, final int fd) {
        this.device = device;
        this.fd = fd;
    }

    /**
     * Opens a queue of a device, which is created if it does not exist. A created device disappears with its last
     * queue, unless {@link #persist} is called.
     *
     * @param multiQueue whether the device has several queues
     * @throws OsException if the queue cannot be opened, or the device is of another kind
     */
    public static Tap open(final String device, final boolean multiQueue) {
        final int fd = Libc.open(CLONE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) {
            throw new OsException(CLONE + (fd == -Libc.ENOENT ? ": the kernel module tun is needed" : ""), fd);
        }
        final Tap tap = new Tap(device, fd);
        try {
            tap.bind(multiQueue);
            return tap;
        } catch (final OsException e) {
            tap.close();
            throw e;
        }
    }

    /**
     * Adopts a queue that another process has opened, and may still have.
     *
     * @param device the device's name, for messages
     * @param fd closed if it is refused
     * @throws OsException if it is not a tap queue with the options that {@link #open} sets
     */
    public static Tap adopt(final String device, final int fd) {
        final Tap tap = new Tap(device, fd);
        if (!tap.isAsOpened()) {
            final String target = Fd.target(fd);
            tap.close();
            throw new OsException("tap device " + device + ": descriptor " + target
                + " is not a tap queue as this switch opens it");
        }
        return tap;
    }

    private boolean isAsOpened() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment request = NetDevice.request(arena, "", 0);
            final MemorySegment size = arena.allocate(ValueLayout.JAVA_INT);
            final int flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
            return Libc.ioctl(fd, TUNGETIFF, request) >= 0 && (NetDevice.value(request) & flags) == flags
                && Libc.ioctl(fd, TUNGETVNETHDRSZ, size) >= 0 && size.get(ValueLayout.JAVA_INT, 0) == HEADER
                && Fd.isNonBlocking(fd);
        }
    }

    private void bind(final boolean multiQueue) {
        final int flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
        int rc = setInterface(multiQueue ? flags | IFF_MULTI_QUEUE : flags);
        if (rc == -Libc.EINVAL && !multiQueue) {
            rc = setInterface(flags | IFF_MULTI_QUEUE); // a device with multi_queue needs the flag even for one queue
        }
        if (rc < 0) {
            throw new OsException("tap device " + device + why(-rc, multiQueue), rc);
        }
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment size = arena.allocateFrom(ValueLayout.JAVA_INT, HEADER);
            check(Libc.ioctl(fd, TUNSETVNETHDRSZ, size), "header size");
        }
        check(Libc.ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN), "offloads");
    }

    private static String why(final int errno, final boolean multiQueue) {
        return switch (errno) {
            case Libc.EPERM -> ": CAP_NET_ADMIN is needed, or a device created for this user with ip tuntap add";
            case Libc.EBUSY -> ": another program uses it";
            case Libc.EINVAL -> ": a device of another kind has this name; a tap device is needed"
                + (multiQueue ? ", created with multi_queue" : "");
            default -> "";
        };
    }

    private int setInterface(final int flags) {
        try (Arena arena = Arena.ofConfined()) {
            return Libc.ioctl(fd, TUNSETIFF, NetDevice.request(arena, device, flags));
        }
    }

    private void check(final int rc, final String what) {
        if (rc < 0) {
            throw new OsException("tap device " + device + ": " + what, rc);
        }
    }

    /** Makes the device persist after its last queue is closed. */
    public void persist() {
        check(Libc.ioctl(fd, TUNSETPERSIST, 1), "persist");
    }

    @Override
    public boolean offloads() {
        return true;
    }

    @Override
    public long read(final long address, final int length) {
        return Libc.read(fd, address, length);
    }

    @Override
    public long write(final long iovecs, final int count) {
        return Libc.writev(fd, iovecs, count);
    }

    @Override
    public void flush() {
        // Every write passes its frame to the kernel at once.
    }

    @Override
    public int fd() {
        return fd;
    }

    /** Does nothing: the kernel makes the descriptor readable for every frame. */
    @Override
    public boolean arm() {
        return false;
    }

    @Override
    public void disarm() {
        // The kernel does not need to be armed.
    }

    /** Closes the descriptor. Further calls have no effect. No worker may use the queue any more. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            Fd.close(fd);
        }
    }
}
