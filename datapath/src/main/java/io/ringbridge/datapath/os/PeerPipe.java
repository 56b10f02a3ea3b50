package io.ringbridge.datapath.os;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import static java.lang.foreign.ValueLayout.JAVA_INT;

/**
 * A descriptor that a peer uses in place of an eventfd to carry 8-byte values: a pipe, a Unix socket, or an eventfd in
 * semaphore mode.
 *
 * <p>No method waits for bytes or for room, whatever the flags of the shared open file are. But {@link #take},
 * {@link #put} and {@link #close} acquire a lock that the peer also acquires while it copies from or to its own memory.
 * A peer whose memory is on FUSE, or is handled by userfaultfd, can keep the lock for any time. These three methods are
 * therefore only for a thread for which no other thread waits.
 */
public final class PeerPipe implements AutoCloseable {
    private static final int SOL_SOCKET = 1;
    private static final int SO_TYPE = 3;
    private static final int SO_ACCEPTCONN = 30;
    private static final int SO_DOMAIN = 39;
    private static final int AF_UNIX = 1;
    private static final int SOCK_DGRAM = 2;
    private static final short POLLIN = 1;
    private static final short POLLOUT = 4;
    /** Consecutive reads before the caller should turn to other descriptors. */
    private static final int MOST_READS = 64;

    private enum Kind { PIPE, STREAM, DATAGRAM, SEMAPHORE }

    private final int fd;
    private final Kind kind;
    private final long inode;

    private PeerPipe(final int fd, final Kind kind) {
        this.fd = fd;
        this.kind = kind;
        inode = Fd.inode(fd);
    }

    /**
     * Adopts a descriptor to read from or to write to. If the descriptor refers to a file, its file system is not
     * called.
     *
     * @param fd the descriptor; closed if it is refused
     * @param reads whether it must be open for reading rather than for writing
     * @throws OsException if it is of another kind, or not open for this purpose
     */
    public static PeerPipe adopt(final int fd, final boolean reads) {
        try {
            final Kind kind = kind(fd);
            if (reads ? !Fd.isReadable(fd) : !Fd.isWritable(fd)) {
                throw new OsException("a ring's descriptor is " + Fd.target(fd) + ", which is not open for "
                    + (reads ? "reading" : "writing"));
            }
            return new PeerPipe(fd, kind);
        } catch (final OsException e) {
            Fd.abandon(fd);
            throw e;
        }
    }

    private static Kind kind(final int fd) {
        final String target = Fd.target(fd);
        if (EventFd.isOne(fd)) {
            return Kind.SEMAPHORE;
        }
        if (target.startsWith("pipe:[")) { // the target of a file, even of a named pipe, is its path
            return Kind.PIPE;
        }
        if (target.startsWith("socket:[") && option(fd, SO_DOMAIN) == AF_UNIX && option(fd, SO_ACCEPTCONN) == 0) {
            return option(fd, SO_TYPE) == SOCK_DGRAM ? Kind.DATAGRAM : Kind.STREAM;
        }
        throw new OsException("a ring's descriptor is " + target
            + "; an eventfd, a pipe or a connected Unix socket is needed");
    }

    private static int option(final int fd, final int option) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment value = arena.allocate(JAVA_INT);
            return Libc.getsockopt(fd, SOL_SOCKET, option, value) < 0 ? -1 : value.get(JAVA_INT, 0);
        }
    }

    /**
     * Reads and discards the values that the peer has sent.
     *
     * @return whether there may be more
     */
    public boolean take() {
        if (kind == Kind.SEMAPHORE) {
            Libc.readLong(fd); // the rest of the count carries no further information
            return false;
        }
        for (int i = 0; i < MOST_READS; i++) {
            final long n = read();
            if (n < 0 || n == 0 && kind != Kind.DATAGRAM) {
                return false;
            }
        }
        return true;
    }

    private long read() {
        if (kind != Kind.PIPE) {
            return Libc.discardReceived(fd);
        }
        final long n = Libc.discardBytes(fd);
        if (n != -Libc.EOPNOTSUPP) {
            return n;
        }
        return Libc.poll(fd, -1, POLLIN, 0) ? Libc.awaitBytes(fd) : -Libc.EAGAIN; // kernels before 6.4
    }

    /**
     * Sends the value 1. The value is dropped if it finds no room, because the peer then still has unread values, and
     * also if the peer is gone.
     */
    public void put() {
        if (kind != Kind.PIPE) {
            Libc.sendLong(fd, 1);
        } else if (Libc.writeLong(fd, 1, false) == -Libc.EOPNOTSUPP && Libc.poll(fd, -1, POLLOUT, 0)) {
            Libc.writeLong(fd, 1, true);
        }
    }

    /** Whether another object refers to the same pipe or socket. */
    public boolean isSame(final PeerPipe other) {
        return inode == other.inode;
    }

    /** Returns the descriptor, to hand it over; this object still owns it. */
    public int fd() {
        return fd;
    }

    @Override
    public void close() {
        Fd.close(fd);
    }
}
