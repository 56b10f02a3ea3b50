package io.ringbridge.datapath.os;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/**
 * Receives from a connected Unix stream socket, and passes on every descriptor that the kernel installs with the bytes.
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
 * <p>The peer decides how many descriptors come with how many bytes. It may also have another descriptor of this
 * socket, through which it can change the socket's options at any time. The room for control messages therefore
 * suffices for the most that one message can carry, and no call waits except {@link #awaitReadable}. Owned by one
 * thread. The caller keeps the descriptor of the socket and closes it.
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
    /** A pidfd of the sending process, which comes with every message after either end has set SO_PASSPIDFD. */
    private static final int SCM_PIDFD = 4;
    /** Room for SCM_MAX_FD (253) descriptors, and for credentials, a security label and a pidfd. */
    private static final int CONTROL_BYTES = 4096;

    private static final int MSG_CTRUNC = 8;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int MSG_CMSG_CLOEXEC = 0x4000_0000;
    private static final short POLLIN = 1;

    private static final int NONE = -1;

    private static final int CHUNK = 8192;
    /** The pause if a socket that polled as readable has nothing to read. */
    private static final long EMPTY_NANOS = 1_000_000;

    private final int fd;
    private int other = NONE;
    private final MemorySegment message;
    private final MemorySegment iovec;
    private final MemorySegment control;
    private final MemorySegment bytes;

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

    /** Sets an event that ends each wait early while it is signalled, or none if it is null. */
    public void wakeBy(final @Nullable EventFd event) {
        other = event == null ? NONE : event.fd();
    }

    /**
     * Waits until there is something to receive, or the connection has ended.
     *
     * @return false if the time ran out, or the event ended the wait
     */
    public boolean awaitReadable(final int timeoutMillis) {
        return Libc.poll(fd, other, POLLIN, timeoutMillis);
    }

    /**
     * Receives available bytes without waiting for more.
     *
     * @param descriptors becomes the owner of each received descriptor
     * @return the number of bytes received, 0 if none were available, or -1 if the connection has ended
     * @throws IOException if the connection is broken, or descriptors were lost because this process may not open more
     */
    public int receive(final byte[] into, final int at, final int most, final IntConsumer descriptors)
        throws IOException {
        iovec.set(JAVA_LONG, Long.BYTES, Math.min(most, CHUNK));
        message.set(JAVA_LONG, CONTROL_SIZE_AT, CONTROL_BYTES);
        message.set(JAVA_INT, FLAGS_AT, 0);
        final int n = (int) Libc.recvmsg(fd, message.address(), MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n == -Libc.EAGAIN || n == -Libc.EINTR) {
            // Urgent data makes a socket readable, and so does data that the peer then reads itself.
            LockSupport.parkNanos(EMPTY_NANOS);
            return 0;
        }
        if (n < 0) {
            throw new IOException("the connection is broken (errno " + -n + ")");
        }
        takeDescriptors(descriptors);
        if ((message.get(JAVA_INT, FLAGS_AT) & MSG_CTRUNC) != 0) {
            throw new IOException("descriptors of a message were lost:"
                + " this process has reached its limit of open files");
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
