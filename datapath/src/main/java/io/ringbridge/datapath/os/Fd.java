package io.ringbridge.datapath.os;

/** Operations on bare descriptors, as received through sockets. The code that has the number owns the descriptor. */
public final class Fd {
    private static final int F_GETFL = 3;
    private static final int F_SETFL = 4;
    private static final int F_DUPFD_CLOEXEC = 1030;
    private static final int F_GET_SEALS = 1034;
    private static final int O_ACCMODE = 3;
    private static final int O_WRONLY = 1;
    private static final int O_RDWR = 2;
    private static final int O_PATH = 0x20_0000;
    private static final int O_NOFOLLOW = 0x2_0000;
    private static final int O_NONBLOCK = 0x800;
    private static final int O_CLOEXEC = 0x80000;

    private Fd() {
    }

    /**
     * Opens a file, of whatever type, only to refer to it. If it is a symbolic link, the descriptor refers to the link.
     *
     * @throws OsException if the file does not exist, or this process may not access it
     */
    public static int refer(final String path) {
        final int fd = Libc.open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
            throw new OsException("open " + path, fd);
        }
        return fd;
    }

    /**
     * Closes a descriptor. A number that is not open is a defect of the caller and is reported. Any other error
     * concerns the file: its file system failed to write something, and Linux has closed the descriptor anyway.
     */
    public static void close(final int fd) {
        final int rc = Libc.close(fd);
        if (rc == -Libc.EBADF) {
            throw new OsException("close descriptor " + fd, rc);
        }
    }

    /**
     * Closes a descriptor that a peer has sent and that is not used. The close may block in the file system: FUSE, for
     * example, waits for its daemon. It may also block on a pipe, which is locked while the peer writes from memory
     * of such a file system. The descriptor is therefore closed on another thread, unless its close is known not to
     * block.
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
     * Whether a descriptor refers to a file in memory: of memfd, tmpfs or hugetlbfs, the file systems that support
     * seals. Unlike {@code fstat} and {@code fstatfs}, this does not call the file system, which might not answer.
     */
    public static boolean isInMemory(final int fd) {
        return Libc.fcntl(fd, F_GET_SEALS, 0) >= 0;
    }

    /** Returns another descriptor of the same open file, which the caller owns. */
    public static int duplicate(final int fd) {
        final int copy = Libc.fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0) {
            throw new OsException("duplicate descriptor " + fd, copy);
        }
        return copy;
    }

    /**
     * Makes a number refer to another open file. The old file is closed in the same step, so that no other thread can
     * get the number in between.
     */
    public static void replace(final int number, final int by) {
        final int rc = Libc.dup3(by, number, O_CLOEXEC);
        if (rc < 0) {
            throw new OsException("replace descriptor " + number, rc);
        }
    }

    /** Makes reads and writes block, whatever a peer that shares the open file has set. */
    public static void setBlocking(final int fd) {
        final int flags = Libc.fcntl(fd, F_GETFL, 0);
        Libc.fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    }

    /** Whether reads and writes fail at once if they would block. */
    public static boolean isNonBlocking(final int fd) {
        return (Libc.fcntl(fd, F_GETFL, 0) & O_NONBLOCK) != 0;
    }

    /** Whether a descriptor is open for reading. */
    static boolean isReadable(final int fd) {
        final int flags = Libc.fcntl(fd, F_GETFL, 0);
        return (flags & O_PATH) == 0 && (flags & O_ACCMODE) != O_WRONLY;
    }

    /** Whether a descriptor is open for writing. */
    static boolean isWritable(final int fd) {
        final int flags = Libc.fcntl(fd, F_GETFL, 0);
        return (flags & O_PATH) == 0 && (flags & O_ACCMODE) != 0;
    }

    /** Whether two descriptors refer to the same file. */
    public static boolean sameFile(final int a, final int b) {
        return device(a) == device(b) && inode(a) == inode(b);
    }

    /** Whether this process is permitted to open the file of a descriptor for writing. */
    public static boolean canOpenForWriting(final int fd) {
        final int again = Libc.open("/proc/self/fd/" + fd, O_RDWR | O_CLOEXEC);
        if (again >= 0) {
            close(again);
        }
        return again >= 0;
    }

    /** Returns the device number of a file's file system. */
    public static long device(final int fd) {
        return Libc.fstat(fd, Libc.StatField.DEVICE);
    }

    /** Returns a file's inode number. */
    public static long inode(final int fd) {
        return Libc.fstat(fd, Libc.StatField.INODE);
    }

    /** Returns the target of a descriptor as in {@code /proc/self/fd}, or an empty string if it is unknown. */
    public static String target(final int fd) {
        return Libc.readlink("/proc/self/fd/" + fd);
    }
}
