package io.ringbridge.datapath.os;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/**
 * The C library functions that no Java library offers. This is the only user of the foreign function linker.
 *
 * <p>Every method returns the C result, or {@code -errno} if C returns -1. No call uses critical linkage: the
 * descriptors come from peers, and a critical call that blocked would block every safepoint of the process.
 *
 * <p>Thread safe. The errno of a call is stored in a segment of the calling thread.
 */
final class Libc {
    private static final int EPOLL_EVENT = 12;
    private static final int RWF_NOWAIT = 8;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int MSG_NOSIGNAL = 0x4000;
    /** Room for discarded bytes in a {@link Scratch}, after its first structure. */
    private static final long DISCARDED = 1000;

    static final int EPERM = 1;
    static final int ENOENT = 2;
    static final int EINTR = 4;
    static final int EIO = 5;
    static final int ENXIO = 6;
    static final int EBADF = 9;
    static final int EAGAIN = 11;
    static final int EFAULT = 14;
    static final int EBUSY = 16;
    static final int ENODEV = 19;
    static final int EINVAL = 22;
    static final int EBADFD = 77;
    static final int EOPNOTSUPP = 95;
    static final int ENETDOWN = 100;
    static final int ENOBUFS = 105;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
    private static final VarHandle ERRNO_VALUE =
        Linker.Option.captureStateLayout().varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final ThreadLocal<Scratch> SCRATCH = ThreadLocal.withInitial(Scratch::new);

    // int eventfd(unsigned int initval, int flags)
    private static final MethodHandle EVENTFD = function("eventfd", JAVA_INT, JAVA_INT, JAVA_INT);
    // ssize_t preadv2(int fd, const struct iovec *iov, int iovcnt, off_t offset, int flags)
    private static final MethodHandle PREADV2 =
        function("preadv2", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG, JAVA_INT);
    // ssize_t pwritev2(int fd, const struct iovec *iov, int iovcnt, off_t offset, int flags)
    private static final MethodHandle PWRITEV2 =
        function("pwritev2", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG, JAVA_INT);
    // int close(int fd)
    private static final MethodHandle CLOSE = function("close", JAVA_INT, JAVA_INT);
    // int fcntl(int fd, int cmd, int arg): variadic from the third argument on
    private static final MethodHandle FCNTL = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("fcntl"),
        FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT), ERRNO, Linker.Option.firstVariadicArg(2));
    // int dup3(int oldfd, int newfd, int flags)
    private static final MethodHandle DUP3 = function("dup3", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
    // int memfd_create(const char *name, unsigned int flags)
    private static final MethodHandle MEMFD_CREATE = function("memfd_create", JAVA_INT, ADDRESS, JAVA_INT);
    // int ftruncate(int fd, off_t length)
    private static final MethodHandle FTRUNCATE = function("ftruncate", JAVA_INT, JAVA_INT, JAVA_LONG);
    // int fallocate(int fd, int mode, off_t offset, off_t len)
    private static final MethodHandle FALLOCATE =
        function("fallocate", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
    // int fstat(int fd, struct stat *statbuf)
    private static final MethodHandle FSTAT = function("fstat", JAVA_INT, JAVA_INT, ADDRESS);
    // void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
    private static final MethodHandle MMAP =
        function("mmap", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG);
    // int munmap(void *addr, size_t length)
    private static final MethodHandle MUNMAP = function("munmap", JAVA_INT, JAVA_LONG, JAVA_LONG);
    // int madvise(void *addr, size_t length, int advice)
    private static final MethodHandle MADVISE = function("madvise", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
    // int mprotect(void *addr, size_t len, int prot)
    private static final MethodHandle MPROTECT = function("mprotect", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
    // int mincore(void *addr, size_t length, unsigned char *vec)
    private static final MethodHandle MINCORE = function("mincore", JAVA_INT, JAVA_LONG, JAVA_LONG, ADDRESS);
    // long syscall(long number, ...): variadic from the second argument on. No call here has more than five arguments.
    // The numbers depend on the processor.
    private static final MethodHandle SYSCALL = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("syscall"),
        FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG), ERRNO,
        Linker.Option.firstVariadicArg(1));
    // int getpagesize(void)
    private static final MethodHandle GETPAGESIZE = function("getpagesize", JAVA_INT);
    // int epoll_create1(int flags)
    private static final MethodHandle EPOLL_CREATE1 = function("epoll_create1", JAVA_INT, JAVA_INT);
    // int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
    private static final MethodHandle EPOLL_CTL =
        function("epoll_ctl", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS);
    // int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)
    private static final MethodHandle EPOLL_WAIT =
        function("epoll_wait", JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT);
    // int sched_setaffinity(pid_t pid, size_t cpusetsize, const cpu_set_t *mask)
    private static final MethodHandle SCHED_SETAFFINITY =
        function("sched_setaffinity", JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS);
    // int prctl(int option, unsigned long arg2): variadic from the second argument on
    private static final MethodHandle PRCTL = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("prctl"),
        FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG), ERRNO, Linker.Option.firstVariadicArg(1));
    // int setpriority(int which, id_t who, int prio)
    private static final MethodHandle SETPRIORITY = function("setpriority", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
    // ssize_t readlink(const char *path, char *buf, size_t bufsiz)
    private static final MethodHandle READLINK = function("readlink", JAVA_LONG, ADDRESS, ADDRESS, JAVA_LONG);

    // int open(const char *pathname, int flags): variadic from the third argument on
    private static final MethodHandle OPEN = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("open"),
        FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT), ERRNO, Linker.Option.firstVariadicArg(2));
    // int socket(int domain, int type, int protocol)
    private static final MethodHandle SOCKET = function("socket", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
    // int ioctl(int fd, unsigned long request, void *argument): variadic from the third argument on
    private static final MethodHandle IOCTL = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("ioctl"),
        FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS), ERRNO, Linker.Option.firstVariadicArg(2));
    // ssize_t read(int fd, void *buf, size_t count), with an address from the caller
    private static final MethodHandle READ_AT = function("read", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);
    // ssize_t writev(int fd, const struct iovec *iov, int iovcnt)
    private static final MethodHandle WRITEV = function("writev", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT);
    // ssize_t recvmsg(int sockfd, struct msghdr *msg, int flags)
    private static final MethodHandle RECVMSG = function("recvmsg", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT);
    // ssize_t recv(int sockfd, void *buf, size_t len, int flags)
    private static final MethodHandle RECV = function("recv", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    // ssize_t send(int sockfd, const void *buf, size_t len, int flags)
    private static final MethodHandle SEND = function("send", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    // int poll(struct pollfd *fds, nfds_t nfds, int timeout)
    private static final MethodHandle POLL = function("poll", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    // int bind(int sockfd, const struct sockaddr *addr, socklen_t addrlen)
    private static final MethodHandle BIND = function("bind", JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT);
    // int setsockopt(int sockfd, int level, int optname, const void *optval, socklen_t optlen)
    private static final MethodHandle SETSOCKOPT =
        function("setsockopt", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT);
    // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen)
    private static final MethodHandle GETSOCKOPT =
        function("getsockopt", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS);

    private Libc() {
    }

    /** One thread's memory for its calls: the captured errno, and room for small structures. */
    private static final class Scratch {
        final MemorySegment errno;
        final MemorySegment bytes;

        Scratch() {
            final Arena arena = Arena.ofAuto();
            errno = arena.allocate(Linker.Option.captureStateLayout());
            bytes = arena.allocate(1024, 16);
        }
    }

    static MethodHandle function(final String name, final ValueLayout result, final ValueLayout... parameters) {
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name),
            FunctionDescriptor.of(result, (MemoryLayout[]) parameters), ERRNO);
    }

    private static int orErrno(final int result, final Scratch scratch) {
        return result != -1 ? result : -(int) ERRNO_VALUE.get(scratch.errno, 0L);
    }

    private static long orErrno(final long result, final Scratch scratch) {
        return result != -1 ? result : -(int) ERRNO_VALUE.get(scratch.errno, 0L);
    }

    /** Returns errors unchanged: the JVM often raises a fault in guest memory only when a foreign call returns. */
    static Error unexpected(final Throwable t) {
        return t instanceof final Error error ? error : new AssertionError("a foreign call threw", t);
    }

    static int eventfd(final int initial, final int flags) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) EVENTFD.invokeExact(s.errno, initial, flags), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /**
     * Reads a 64-bit value, such as an eventfd's count, and discards it. It does not wait, even if a peer that shares
     * the descriptor has made it blocking.
     */
    static long readLong(final int fd) {
        final Scratch s = SCRATCH.get();
        s.bytes.set(JAVA_LONG, 0, s.bytes.address() + 16); // struct iovec: base, length
        s.bytes.set(JAVA_LONG, 8, 8);
        try {
            return orErrno((long) PREADV2.invokeExact(s.errno, fd, s.bytes, 1, -1L, RWF_NOWAIT), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** Reads up to 1000 bytes of a pipe and discards them. It does not wait for bytes. */
    static long discardBytes(final int fd) {
        final Scratch s = SCRATCH.get();
        s.bytes.set(JAVA_LONG, 0, s.bytes.address() + 16);
        s.bytes.set(JAVA_LONG, 8, DISCARDED);
        try {
            return orErrno((long) PREADV2.invokeExact(s.errno, fd, s.bytes, 1, -1L, RWF_NOWAIT), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** Reads up to 1000 bytes and discards them. It waits for the first byte. */
    static long awaitBytes(final int fd) {
        return read(fd, SCRATCH.get().bytes.address(), DISCARDED);
    }

    /** Receives up to 1000 bytes and discards them. It does not wait for bytes. */
    static long discardReceived(final int socket) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((long) RECV.invokeExact(s.errno, socket, s.bytes, DISCARDED, MSG_DONTWAIT), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /**
     * Writes a 64-bit value to a pipe.
     *
     * @param wait whether to wait for room
     */
    static long writeLong(final int fd, final long value, final boolean wait) {
        final Scratch s = SCRATCH.get();
        s.bytes.set(JAVA_LONG, 0, s.bytes.address() + 16);
        s.bytes.set(JAVA_LONG, 8, Long.BYTES);
        s.bytes.set(JAVA_LONG, 16, value);
        try {
            return orErrno((long) PWRITEV2.invokeExact(s.errno, fd, s.bytes, 1, -1L, wait ? 0 : RWF_NOWAIT), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** Sends a 64-bit value. It does not wait for room. */
    static long sendLong(final int socket, final long value) {
        final Scratch s = SCRATCH.get();
        s.bytes.set(JAVA_LONG, 0, value);
        try {
            return orErrno(
                (long) SEND.invokeExact(s.errno, socket, s.bytes, (long) Long.BYTES, MSG_DONTWAIT | MSG_NOSIGNAL), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int close(final int fd) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) CLOSE.invokeExact(s.errno, fd), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int fcntl(final int fd, final int command, final int argument) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) FCNTL.invokeExact(s.errno, fd, command, argument), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int memfdCreate(final String name, final int flags) {
        final Scratch s = SCRATCH.get();
        try (Arena arena = Arena.ofConfined()) {
            return orErrno((int) MEMFD_CREATE.invokeExact(s.errno, arena.allocateFrom(name), flags), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** Makes a number another descriptor of an open file. The number's old file is closed. */
    static int dup3(final int fd, final int number, final int flags) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) DUP3.invokeExact(s.errno, fd, number, flags), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int ftruncate(final int fd, final long length) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) FTRUNCATE.invokeExact(s.errno, fd, length), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** Extends a file to at least this length, and allocates its blocks. */
    static int fallocate(final int fd, final long length) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) FALLOCATE.invokeExact(s.errno, fd, 0, 0L, length), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** Returns a field of {@code struct stat}, or {@code -errno}. The fields are the same on x86-64 and AArch64. */
    static long fstat(final int fd, final StatField field) {
        final Scratch s = SCRATCH.get();
        try {
            final int rc = orErrno((int) FSTAT.invokeExact(s.errno, fd, s.bytes), s);
            if (rc < 0) {
                return rc;
            }
            return switch (field) {
                case DEVICE -> s.bytes.get(JAVA_LONG, 0);
                case INODE -> s.bytes.get(JAVA_LONG, 8);
                case SIZE -> s.bytes.get(JAVA_LONG, 48);
                case BLOCK_SIZE -> s.bytes.get(JAVA_LONG, 56) & 0xFFFF_FFFFL;
            };
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** The fields of {@code struct stat} that are read. */
    enum StatField { DEVICE, INODE, SIZE, BLOCK_SIZE }

    static long mmap(final long length, final int protection, final int flags, final int fd, final long offset) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((long) MMAP.invokeExact(s.errno, 0L, length, protection, flags, fd, offset), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int munmap(final long address, final long length) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) MUNMAP.invokeExact(s.errno, address, length), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int madvise(final long address, final long length, final int advice) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) MADVISE.invokeExact(s.errno, address, length, advice), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int mprotect(final long address, final long length, final int protection) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) MPROTECT.invokeExact(s.errno, address, length, protection), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** Returns which of up to 64 pages are resident: one bit per page, the lowest for the first, or 0 on an error. */
    static long mincore(final long address, final long pageSize, final int pages) {
        final Scratch s = SCRATCH.get();
        try {
            if (orErrno((int) MINCORE.invokeExact(s.errno, address, pages * pageSize, s.bytes), s) < 0) {
                return 0;
            }
        } catch (final Throwable t) {
            throw unexpected(t);
        }
        long present = 0;
        for (int i = 0; i < pages; i++) {
            present |= (s.bytes.get(ValueLayout.JAVA_BYTE, i) & 1L) << i;
        }
        return present;
    }

    /** Makes a system call that the C library does not offer. Unused arguments are 0. */
    static long syscall(final long number, final long a, final long b, final long c, final long d, final long e) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((long) SYSCALL.invokeExact(s.errno, number, a, b, c, d, e), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** Returns the bytes of a page of this process's memory. */
    static int pageSize() {
        final Scratch s = SCRATCH.get();
        try {
            return (int) GETPAGESIZE.invokeExact(s.errno);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int epollCreate(final int flags) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) EPOLL_CREATE1.invokeExact(s.errno, flags), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int epollControl(final int epoll, final int operation, final int fd, final int events, final int data) {
        final Scratch s = SCRATCH.get();
        s.bytes.set(JAVA_INT, 0, events);
        s.bytes.set(JAVA_INT, 4, data); // struct epoll_event is packed on x86-64; the data's upper half is never read
        try {
            return orErrno((int) EPOLL_CTL.invokeExact(s.errno, epoll, operation, fd, s.bytes), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** Waits for ready descriptors, and stores the data of as many as fit into {@code data}. Returns their number. */
    static int epollWait(final int epoll, final int[] data, final int timeoutMillis) {
        final Scratch s = SCRATCH.get();
        final int n;
        try {
            n = orErrno((int) EPOLL_WAIT.invokeExact(s.errno, epoll, s.bytes, data.length, timeoutMillis), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
        for (int i = 0; i < n; i++) {
            data[i] = s.bytes.get(JAVA_INT, (long) i * EPOLL_EVENT + 4);
        }
        return n;
    }

    /** Restricts the calling thread to processors from 0 to 1023, one bit each. */
    static int setAffinity(final byte[] cpus) {
        final Scratch s = SCRATCH.get();
        s.bytes.asSlice(0, 128).fill((byte) 0).copyFrom(MemorySegment.ofArray(cpus));
        try {
            return orErrno((int) SCHED_SETAFFINITY.invokeExact(s.errno, 0, 128L, s.bytes), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int prctl(final int option, final long argument) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) PRCTL.invokeExact(s.errno, option, argument), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int setPriority(final int which, final int who, final int priority) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) SETPRIORITY.invokeExact(s.errno, which, who, priority), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** Returns the target of a symbolic link, or an empty string if there is none. */
    static String readlink(final String path) {
        final Scratch s = SCRATCH.get();
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment target = arena.allocate(256);
            final long n = orErrno((long) READLINK.invokeExact(s.errno, arena.allocateFrom(path), target, 255L), s);
            return n < 0 ? "" : target.getString(0);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int open(final String path, final int flags) {
        final Scratch s = SCRATCH.get();
        try (Arena arena = Arena.ofConfined()) {
            return orErrno((int) OPEN.invokeExact(s.errno, arena.allocateFrom(path), flags), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int socket(final int domain, final int type) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) SOCKET.invokeExact(s.errno, domain, type, 0), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** Makes an ioctl whose argument is a structure. */
    static int ioctl(final int fd, final long request, final MemorySegment argument) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) IOCTL.invokeExact(s.errno, fd, request, argument), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** Makes an ioctl whose argument is a number. */
    static int ioctl(final int fd, final long request, final long argument) {
        return ioctl(fd, request, MemorySegment.ofAddress(argument));
    }

    /** Reads to an address. Allocates nothing. */
    static long read(final int fd, final long address, final long length) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((long) READ_AT.invokeExact(s.errno, fd, address, length), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** Writes the bytes of an array of {@code struct iovec}. Allocates nothing. */
    static long writev(final int fd, final long iovecs, final int count) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((long) WRITEV.invokeExact(s.errno, fd, iovecs, count), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /** Receives as much as a {@code struct msghdr} has room for. Allocates nothing. */
    static long recvmsg(final int fd, final long message, final int flags) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((long) RECVMSG.invokeExact(s.errno, fd, message, flags), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    /**
     * Waits until one of two descriptors has one of the events, an error, or a hang-up.
     *
     * @param other ignored if negative
     * @return whether {@code fd} has one of these
     */
    static boolean poll(final int fd, final int other, final short events, final int timeoutMillis) {
        final Scratch s = SCRATCH.get();
        s.bytes.set(JAVA_INT, 0, fd); // struct pollfd: fd, events, revents
        s.bytes.set(JAVA_INT, 4, events);
        s.bytes.set(JAVA_INT, 8, other);
        s.bytes.set(JAVA_INT, 12, events);
        try {
            return orErrno((int) POLL.invokeExact(s.errno, s.bytes, 2L, timeoutMillis), s) > 0
                && s.bytes.get(ValueLayout.JAVA_SHORT, 6) != 0;
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int bind(final int fd, final MemorySegment address) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) BIND.invokeExact(s.errno, fd, address, (int) address.byteSize()), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int setsockopt(final int fd, final int level, final int option, final MemorySegment value) {
        final Scratch s = SCRATCH.get();
        try {
            return orErrno((int) SETSOCKOPT.invokeExact(s.errno, fd, level, option, value, (int) value.byteSize()), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }

    static int getsockopt(final int fd, final int level, final int option, final MemorySegment value) {
        final Scratch s = SCRATCH.get();
        s.bytes.set(JAVA_INT, 0, (int) value.byteSize());
        try {
            return orErrno((int) GETSOCKOPT.invokeExact(s.errno, fd, level, option, value, s.bytes), s);
        } catch (final Throwable t) {
            throw unexpected(t);
        }
    }
}
