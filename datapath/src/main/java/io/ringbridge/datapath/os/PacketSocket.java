package io.ringbridge.datapath.os;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A packet socket on a network interface. Each frame comes with a virtio-net header. In this header, the kernel reports
 * the checksum or the segmentation that a sender on this machine left to the interface. If the kernel removed the
 * frame's VLAN tag, the tag comes as control data.
 *
 * <p>libpcap reads the same kind of socket, but passes on neither of the two. A socket does not receive the frames that
 * were sent through it.
 *
 * <p>Non-blocking. One thread receives and sends; another may read the statistics. The interface is found in the
 * network namespace of this process.
 */
public final class PacketSocket implements AutoCloseable {
    /** Bytes of the virtio-net header before each frame, received or sent; it has no {@code num_buffers}. */
    public static final int HEADER = 10;
    /**
     * Bytes of control data for which {@link #receive} needs room: a header and {@code struct tpacket_auxdata}.
     */
    public static final int CONTROL = 40;
    /** The offset of {@code struct tpacket_auxdata} in the control data. */
    public static final int AUXDATA = 16;

    private static final int AF_PACKET = 17;
    private static final int SOCK_RAW = 3;
    private static final int SOCK_NONBLOCK_CLOEXEC = 0x80800;
    private static final int ETH_P_ALL_SWAPPED = 0x0300;
    private static final int SOCKADDR_LL = 20;
    private static final int SOL_SOCKET = 1;
    private static final int SO_TYPE = 3;
    private static final int SO_SNDBUF = 7;
    private static final int SO_RCVBUF = 8;
    private static final int SO_ATTACH_FILTER = 26;
    private static final int SO_SNDBUFFORCE = 32;
    private static final int SO_RCVBUFFORCE = 33;
    private static final int SO_DOMAIN = 39;
    private static final int SOL_PACKET = 263;
    private static final int PACKET_ADD_MEMBERSHIP = 1;
    private static final int PACKET_STATISTICS = 6;
    private static final int PACKET_AUXDATA = 8;
    private static final int PACKET_VNET_HDR = 15;
    private static final int PACKET_MREQ = 16;
    private static final short PACKET_MR_PROMISC = 1;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int LOAD_PACKET_BYTE = 0x30;
    private static final int JUMP_IF_EQUAL = 0x15;
    private static final int RETURN = 0x06;
    /** The offset of the packet's type in the ancillary data, which starts at {@code SKF_AD_OFF}. */
    private static final int PACKET_TYPE = -0x1000 + 4;
    private static final int PACKET_OUTGOING = 4;
    private static final int FILTER_INSTRUCTION = 8;

    private final int fd;
    private boolean closed;

    /**
     * The frames that are received: those that arrive at the interface, those that this machine sends through it, or
     * both.
     */
    public enum Direction { IN, OUT, BOTH }

    private PacketSocket(final int fd) {
        this.fd = fd;
    }

    /**
     * Opens a socket on an interface, which is promiscuous while the socket is open.
     *
     * @param bufferBytes room for frames that were not received yet; without CAP_NET_ADMIN, the kernel may grant less
     * @param snapLength the most bytes of a frame to receive
     * @throws OsException if the interface cannot be opened
     */
    public static PacketSocket open(final NetDevice device, final Direction direction, final int bufferBytes,
                                    final int snapLength) {
        final int fd = Libc.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK_CLOEXEC);
        if (fd < 0) {
            throw new OsException("packet socket" + (fd == -Libc.EPERM ? ": CAP_NET_RAW is needed" : ""), fd);
        }
        final PacketSocket socket = new PacketSocket(fd);
        try (Arena arena = Arena.ofConfined()) {
            socket.option(PACKET_VNET_HDR, arena.allocateFrom(ValueLayout.JAVA_INT, 1));
            socket.option(PACKET_AUXDATA, arena.allocateFrom(ValueLayout.JAVA_INT, 1));
            socket.filter(arena, direction, snapLength);
            socket.buffer(arena, SO_RCVBUFFORCE, SO_RCVBUF, bufferBytes);
            socket.buffer(arena, SO_SNDBUFFORCE, SO_SNDBUF, bufferBytes);
            socket.bind(arena, device.index());
            return socket;
        } catch (final OsException e) {
            socket.close();
            throw e;
        }
    }

    /**
     * Adopts a socket that another process has opened, and may still have.
     *
     * @param fd closed if it is refused
     * @throws OsException if it is not a packet socket with the options that {@link #open} sets
     */
    public static PacketSocket adopt(final int fd) {
        final PacketSocket socket = new PacketSocket(fd);
        if (socket.value(SOL_SOCKET, SO_DOMAIN) != AF_PACKET || socket.value(SOL_SOCKET, SO_TYPE) != SOCK_RAW
            || socket.value(SOL_PACKET, PACKET_VNET_HDR) != 1 || socket.value(SOL_PACKET, PACKET_AUXDATA) != 1
            || !Fd.isNonBlocking(fd)) {
            final String target = Fd.target(fd);
            socket.close();
            throw new OsException("descriptor " + target + " is not a packet socket as this switch opens it");
        }
        return socket;
    }

    private void option(final int option, final MemorySegment value) {
        check(Libc.setsockopt(fd, SOL_PACKET, option, value));
    }

    private static void check(final int rc) {
        if (rc < 0) {
            throw new OsException("packet socket", rc);
        }
    }

    /** Returns the value of a numeric option, or {@code -errno}. */
    private int value(final int level, final int option) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment value = arena.allocate(ValueLayout.JAVA_INT);
            final int rc = Libc.getsockopt(fd, level, option, value);
            return rc < 0 ? rc : value.get(ValueLayout.JAVA_INT, 0);
        }
    }

    /** Sets a buffer's size, or the system's limit if this process may not exceed it. */
    private void buffer(final Arena arena, final int forced, final int allowed, final int bytes) {
        final MemorySegment size = arena.allocateFrom(ValueLayout.JAVA_INT, bytes);
        if (Libc.setsockopt(fd, SOL_SOCKET, forced, size) < 0) {
            check(Libc.setsockopt(fd, SOL_SOCKET, allowed, size));
        }
    }

    /** Returns the bytes of the receive buffer. The kernel doubles the requested size for its own bookkeeping. */
    public int bufferBytes() {
        return value(SOL_SOCKET, SO_RCVBUF) / 2;
    }

    /** Attaches a classic BPF program, which accepts a packet by its type. */
    private void filter(final Arena arena, final Direction direction, final int snapLength) {
        final MemorySegment program = arena.allocate(4L * FILTER_INSTRUCTION, 8);
        instruction(program, 0, LOAD_PACKET_BYTE, 0, 0, PACKET_TYPE);
        instruction(program, 1, JUMP_IF_EQUAL, direction == Direction.IN ? 1 : 0,
            direction == Direction.OUT ? 1 : 0, PACKET_OUTGOING);
        instruction(program, 2, RETURN, 0, 0, snapLength);
        instruction(program, 3, RETURN, 0, 0, 0);
        final MemorySegment filter = arena.allocate(16, 8); // struct sock_fprog: length, pointer
        filter.set(ValueLayout.JAVA_SHORT, 0, (short) 4);
        filter.set(ValueLayout.JAVA_LONG, 8, program.address());
        check(Libc.setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter));
    }

    private static void instruction(final MemorySegment program, final int index, final int code, final int ifTrue,
                                    final int ifFalse, final int operand) {
        final long at = (long) index * FILTER_INSTRUCTION;
        program.set(ValueLayout.JAVA_SHORT, at, (short) code);
        program.set(ValueLayout.JAVA_BYTE, at + 2, (byte) ifTrue);
        program.set(ValueLayout.JAVA_BYTE, at + 3, (byte) ifFalse);
        program.set(ValueLayout.JAVA_INT, at + 4, operand);
    }

    private void bind(final Arena arena, final int index) {
        final MemorySegment address = arena.allocate(SOCKADDR_LL, 8);
        address.set(ValueLayout.JAVA_SHORT, 0, (short) AF_PACKET);
        address.set(ValueLayout.JAVA_SHORT, 2, (short) ETH_P_ALL_SWAPPED);
        address.set(ValueLayout.JAVA_INT, 4, index);
        check(Libc.bind(fd, address));
        final MemorySegment membership = arena.allocate(PACKET_MREQ, 8);
        membership.set(ValueLayout.JAVA_INT, 0, index);
        membership.set(ValueLayout.JAVA_SHORT, 4, PACKET_MR_PROMISC);
        option(PACKET_ADD_MEMBERSHIP, membership);
    }

    /**
     * Receives one frame.
     *
     * @param message the address of a {@code struct msghdr}
     * @return the bytes received, with the virtio-net header, or {@code -errno}
     */
    public long receive(final long message) {
        return Libc.recvmsg(fd, message, MSG_DONTWAIT);
    }

    /**
     * Sends one frame with a virtio-net header of {@link #HEADER} bytes before it.
     *
     * @return negative if the frame was not sent, as for {@link FrameDevice#write}
     */
    public long send(final long iovecs, final int count) {
        final long answer = Libc.writev(fd, iovecs, count);
        return answer == -Libc.ENETDOWN ? FrameDevice.DOWN : answer == -Libc.ENOBUFS ? FrameDevice.AGAIN
            : answer == -Libc.ENXIO ? FrameDevice.GONE : answer;
    }

    /** Returns the number of frames that found no room since the last call. */
    public int overrun() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment statistics = arena.allocate(8, 4); // struct tpacket_stats: packets, drops
            final int rc = Libc.getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, statistics);
            return rc < 0 ? 0 : statistics.get(ValueLayout.JAVA_INT, 4);
        }
    }

    public int fd() {
        return fd;
    }

    /** Closes the descriptor. Further calls have no effect. No worker may use the socket any more. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            Fd.close(fd);
        }
    }
}
