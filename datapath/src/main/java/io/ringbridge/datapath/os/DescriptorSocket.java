package io.ringbridge.datapath.os;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/**
 * Receives from a connected Unix stream socket, and hands on every descriptor that the kernel installs with the bytes.
 *
 * <pre>
 *  struct msghdr
 *  0        8             16      24        32           40             48      56
 * | name    | name length | iovec | iovecs  | control    | control size | flags |
 *
 *  struct cmsghdr, each at a multiple of 8
 *  0        8       12      16
 * | length  | level | type  | descriptors ...
 * </pre>
 *
 * <p>The peer decides how many descriptors come with how many bytes, and may hold another descriptor of this socket, whose options it can
 * then change at any time. So the room for control messages suffices for all that one message can carry, and no call waits except
 * {@link #awaitReadable}. Owned by one thread. The number stays its owner's, who closes it.
 */
public final class DescriptorSocket {
    private static final int MESSAGE_BYTES = 56;
    private static final int IOVEC_AT = 16;
    private static final int IOVECS_AT = 24;
    private static final int CONTROL_AT = 32;
    private static final int CONTROL_SIZE_AT = 40;
    private static final int FLAGS_AT = 48;
    private static final int IOVEC_BYTES = 16;

    private static final int HEAD_BYTES = 16;
    private static final int LEVEL_AT = 8;
    private static final int TYPE_AT = 12;
    private static final int SOL_SOCKET = 1;
    private static final int SCM_RIGHTS = 1;
    /** A descriptor of the sending process, which comes with every message once either end has set SO_PASSPIDFD. */
    private static final int SCM_PIDFD = 4;
    /** SCM_MAX_FD is 253; what else may come (credentials, a security label, a process) has the rest. */
    private static final int CONTROL_BYTES = 4096;

    private static final int MSG_CTRUNC = 8;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int MSG_CMSG_CLOEXEC = 0x4000_0000;
    private static final short POLLIN = 1;

    private static final int NONE = -1;

    private static final int CHUNK = 8192;
    /** How long to leave the processor to others if a socket that is said to be readable has nothing to read. */
    private static final long EMPTY_NANOS = 1_000_000;

    private final int fd;
    private int other = NONE;
    private final MemorySegment message;
    private final MemorySegment iovec;
    private final MemorySegment control;
    private final MemorySegment bytes;

    /** Receives from a socket of this number. */
    public DescriptorSocket(final int fd) {
        this.fd = fd;
        final Arena arena = Arena.ofAuto();
        bytes = arena.allocate(CHUNK);
        control = arena.allocate(CONTROL_BYTES, Long.BYTES);
        iovec = arena.allocate(IOVEC_BYTES, Long.BYTES);
        iovec.set(JAVA_LONG, 0, bytes.address());
        message = arena.allocate(MESSAGE_BYTES, Long.BYTES);
        message.set(JAVA_LONG, IOVEC_AT, iovec.address());
        message.set(JAVA_LONG, IOVECS_AT, 1);
        message.set(JAVA_LONG, CONTROL_AT, control.address());
    }

    /** Ends each wait early while this event is signalled; null for none. */
    public void wakeBy(final EventFd event) {
        other = event == null ? NONE : event.fd();
    }

    /** Waits until there is something to receive, or the connection has ended. @return false if neither was so in time */
    public boolean awaitReadable(final int timeoutMillis) {
        return Libc.poll(fd, other, POLLIN, timeoutMillis);
    }

    /**
     * Receives what is there, without waiting.
     *
     * @param descriptors takes over each descriptor that comes
     * @return how many bytes came, 0 if there were none, or -1 if the connection has ended
     * @throws IOException if the connection is broken, or descriptors were lost because this process may not have more
     */
    public int receive(final byte[] into, final int at, final int most, final IntConsumer descriptors) throws IOException {
        iovec.set(JAVA_LONG, Long.BYTES, Math.min(most, CHUNK));
        message.set(JAVA_LONG, CONTROL_SIZE_AT, CONTROL_BYTES);
        message.set(JAVA_INT, FLAGS_AT, 0);
        final int n = (int) Libc.recvmsg(fd, message.address(), MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n == -Libc.EAGAIN || n == -Libc.EINTR) {
            LockSupport.parkNanos(EMPTY_NANOS); // urgent data makes a socket readable, and so does what the peer then reads itself
            return 0;
        }
        if (n < 0) {
            throw new IOException("the connection is broken (errno " + -n + ")");
        }
        takeDescriptors(descriptors);
        if ((message.get(JAVA_INT, FLAGS_AT) & MSG_CTRUNC) != 0) {
            throw new IOException("a message's descriptors were lost; this process has as many open as it may");
        }
        MemorySegment.copy(bytes, JAVA_BYTE, 0, into, at, n);
        return n == 0 ? -1 : n;
    }

    private void takeDescriptors(final IntConsumer descriptors) {
        final long end = message.get(JAVA_LONG, CONTROL_SIZE_AT);
        long at = 0;
        while (at + HEAD_BYTES <= end) {
            final long length = control.get(JAVA_LONG, at);
            if (length < HEAD_BYTES || length > end - at) {
                return;
            }
            final int type = control.get(JAVA_INT, at + TYPE_AT);
            if (control.get(JAVA_INT, at + LEVEL_AT) == SOL_SOCKET) {
                if (type == SCM_RIGHTS) {
                    for (long each = at + HEAD_BYTES; each + Integer.BYTES <= at + length; each += Integer.BYTES) {
                        descriptors.accept(control.get(JAVA_INT, each));
                    }
                } else if (type == SCM_PIDFD && control.get(JAVA_INT, at + HEAD_BYTES) >= 0) {
                    Fd.close(control.get(JAVA_INT, at + HEAD_BYTES));
                }
            }
            at += length + Long.BYTES - 1 & -Long.BYTES;
        }
    }
}
