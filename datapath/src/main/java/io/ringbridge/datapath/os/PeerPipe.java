package io.ringbridge.datapath.os;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import static java.lang.foreign.ValueLayout.JAVA_INT;

/**
 * A descriptor that a peer gave in place of an eventfd, and through which 8-byte values come or go: a pipe or a Unix socket, or an eventfd
 * in semaphore mode.
 *
 * <p>Nothing here waits for bytes or for room, whatever the flags of the shared open file. But {@link #take}, {@link #put} and
 * {@link #close} take a lock that the peer takes as well, and that it holds while it copies from or to its own memory. A peer whose
 * memory is on FUSE, or handled by userfaultfd, can hold the lock at will. So these three are for a thread that nobody waits for.
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
    /** Reads in a row before others are looked at. */
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
     * Takes over a descriptor to read from or to write to. Nothing is asked of the file system of a file.
     *
     * @param fd the descriptor; closed when it is refused
     * @throws OsException if it is of another kind, or not open for that
     */
    public static PeerPipe adopt(final int fd, final boolean reads) {
        try {
            final Kind kind = kind(fd);
            if (reads ? !Fd.isReadable(fd) : !Fd.isWritable(fd)) {
                throw new OsException("a descriptor of a ring is " + Fd.target(fd) + ", not open for " + (reads ? "reading" : "writing"));
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
        if (target.startsWith("pipe:[")) { // the target of a file, a named pipe too, is its path
            return Kind.PIPE;
        }
        if (target.startsWith("socket:[") && option(fd, SO_DOMAIN) == AF_UNIX && option(fd, SO_ACCEPTCONN) == 0) {
            return option(fd, SO_TYPE) == SOCK_DGRAM ? Kind.DATAGRAM : Kind.STREAM;
        }
        throw new OsException("a descriptor of a ring is " + target + "; an eventfd, a pipe or a connected Unix socket is needed");
    }

    private static int option(final int fd, final int option) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment value = arena.allocate(JAVA_INT);
            return Libc.getsockopt(fd, SOL_SOCKET, option, value) < 0 ? -1 : value.get(JAVA_INT, 0);
        }
    }

    /** Takes what has come. @return whether there may be more */
    public boolean take() {
        if (kind == Kind.SEMAPHORE) {
            Libc.readLong(fd); // the rest of the count is not news
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
            return Libc.dropReceived(fd);
        }
        final long n = Libc.dropBytes(fd);
        if (n != -Libc.EOPNOTSUPP) {
            return n;
        }
        return Libc.poll(fd, -1, POLLIN, 0) ? Libc.awaitBytes(fd) : -Libc.EAGAIN; // kernels before 6.4
    }

    /** Sends the value 1. It is dropped if there is no room, as the peer then has not read others, or if the peer has gone. */
    public void put() {
        if (kind != Kind.PIPE) {
            Libc.sendLong(fd, 1);
        } else if (Libc.writeLong(fd, 1, false) == -Libc.EOPNOTSUPP && Libc.poll(fd, -1, POLLOUT, 0)) {
            Libc.writeLong(fd, 1, true);
        }
    }

    /** Whether another brings the same bytes. */
    public boolean isSame(final PeerPipe other) {
        return inode == other.inode;
    }

    /** The descriptor's number, for handing it on; it remains this object's. */
    public int fd() {
        return fd;
    }

    @Override
    public void close() {
        Fd.close(fd);
    }
}
