package io.ringbridge.datapath.os;

/** Operations on bare descriptor numbers, as sockets bring them. Whoever holds the number owns the descriptor. */
public final class Fd {
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int F_GET_SEALS = 1034;
    private static final int O_ACCMODE = 3;
    private static final int O_WRONLY = 1;
    private static final int O_RDWR = 2;
    private static final int O_PATH = 0x20_0000;
    private static final int O_NONBLOCK = 0x800;
    private static final int O_CLOEXEC = 0x80000;

    private Fd() {
    }

    /**
     * Closes a descriptor. A number that is not open is a defect of the caller, and is reported. Any other error is the file's: its file
     * system has failed to write something, and Linux has released the descriptor all the same.
     */
    public static void close(final int fd) {
        final int rc = Libc.close(fd);
        if (rc == -Libc.EBADF) {
            throw new OsException("close descriptor " + fd, rc);
        }
    }

    /**
     * Closes a descriptor that a peer has sent and that is not used. Its file system may make the thread that closes it wait: FUSE
     * asks its daemon. So may a pipe: its lock is held while the peer writes from memory of such a file system. So it is closed on another
     * thread, unless it is known not to wait.
     */
    public static void abandon(final int fd) {
        final String target = target(fd);
        final boolean waits = !target.startsWith("anon_inode:") && !target.startsWith("socket:");
        if (waits && !isInMemory(fd)) {
            SlowClose.close(fd);
        } else {
            close(fd);
        }
    }

    /**
     * Whether a descriptor is of a file that only memory holds: of memfd, tmpfs or hugetlbfs, the file systems that know seals.
     * The file system is not asked, as it is by {@code fstat} and {@code fstatfs}: it may not answer.
     */
    public static boolean isInMemory(final int fd) {
        return Libc.fcntl(fd, F_GET_SEALS, 0) >= 0;
    }

    /** Another descriptor of the same open file; the caller owns it. */
    public static int duplicate(final int fd) {
        final int copy = Libc.fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0) {
            throw new OsException("duplicate descriptor " + fd, copy);
        }
        return copy;
    }

    /** Makes a number a descriptor of another open file; it is closed first, in one step, so that nobody else gets the number. */
    public static void replace(final int number, final int by) {
        final int rc = Libc.dup3(by, number, O_CLOEXEC);
        if (rc < 0) {
            throw new OsException("replace descriptor " + number, rc);
        }
    }

    /** Makes reads and writes wait, whatever a peer that shares the open file has set. */
    public static void blocking(final int fd) {
        final int flags = Libc.fcntl(fd, F_GETFL, 0);
        Libc.fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    }

    /** Whether reads and writes answer at once that they cannot be done, rather than wait. */
    public static boolean isNonBlocking(final int fd) {
        return (Libc.fcntl(fd, F_GETFL, 0) & O_NONBLOCK) != 0;
    }

    /** Whether a descriptor may be read from. */
    static boolean isReadable(final int fd) {
        final int flags = Libc.fcntl(fd, F_GETFL, 0);
        return (flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_WRONLY;
    }

    /** Whether a descriptor may be written to. */
    static boolean isWritable(final int fd) {
        final int flags = Libc.fcntl(fd, F_GETFL, 0);
        return (flags & O_PATH) == 0 && (flags & O_ACCMODE) != 0;
    }

    /** Whether two descriptors are of the same file. */
    public static boolean sameFile(final int a, final int b) {
        return device(a) == device(b) && inode(a) == inode(b);
    }

    /** Whether this process could open the file for writing by itself. */
    public static boolean mayBeWritten(final int fd) {
        final int again = Libc.open("/proc/self/fd/" + fd, O_RDWR | O_CLOEXEC);
        if (again >= 0) {
            close(again);
        }
        return again >= 0;
    }

    /** The number of the file system that a file is in. */
    public static long device(final int fd) {
        return Libc.fstat(fd, Libc.StatField.DEVICE);
    }

    /** The number of a file in its file system. */
    public static long inode(final int fd) {
        return Libc.fstat(fd, Libc.StatField.INODE);
    }

    /** What a descriptor refers to, as {@code /proc/self/fd} names it; empty where it cannot be told. */
    public static String target(final int fd) {
        final String target = Libc.readlink("/proc/self/fd/" + fd);
        return target == null ? "" : target;
    }
}
