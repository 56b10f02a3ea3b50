package io.ringbridge.control.backend;

import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Mapping;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/** The two ends of a pipe or socket pair, which a front-end may use in place of an eventfd. */
public final class PipeEnds implements AutoCloseable {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle PIPE = function("pipe", JAVA_INT, ADDRESS);
    private static final MethodHandle SOCKETPAIR = function("socketpair", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT,
        ADDRESS);
    private static final MethodHandle EVENTFD = function("eventfd", JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle FCNTL = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("fcntl"),
        FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT), Linker.Option.firstVariadicArg(2));
    private static final MethodHandle READ = function("read", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
    private static final MethodHandle WRITE = function("write", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG);
    private static final MethodHandle OPEN = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("open"),
        FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT), Linker.Option.firstVariadicArg(2));
    private static final MethodHandle MKFIFO = function("mkfifo", JAVA_INT, ADDRESS, JAVA_INT);
    private static final MethodHandle TIMERFD_CREATE = function("timerfd_create", JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle INOTIFY_INIT1 = function("inotify_init1", JAVA_INT, JAVA_INT);
    private static final MethodHandle EPOLL_CREATE1 = function("epoll_create1", JAVA_INT, JAVA_INT);
    private static final MethodHandle SOCKET = function("socket", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);
    private static final int O_RDWR = 2;
    private static final int O_PATH = 0x20_0000;
    private static final int F_SETFL = 4;
    private static final int O_NONBLOCK = 0x800;
    private static final int EFD_SEMAPHORE = 1;
    private static final int CLOSED = -1;

    /** The kinds of pipes and socket pairs. */
    public enum Kind { PIPE, STREAM, SEQPACKET, DATAGRAM }

    private final Arena arena = Arena.ofShared();
    private final MemorySegment value = arena.allocate(JAVA_LONG);
    private int reads;
    private int writes;

    private PipeEnds(final int reads, final int writes) {
        this.reads = reads;
        this.writes = writes;
    }

    public static PipeEnds of(final Kind kind) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment pair = arena.allocate(JAVA_INT, 2);
            final int rc = switch (kind) {
                case PIPE -> (int) PIPE.invokeExact(pair);
                case STREAM -> (int) SOCKETPAIR.invokeExact(1, 1, 0, pair);
                case DATAGRAM -> (int) SOCKETPAIR.invokeExact(1, 2, 0, pair);
                case SEQPACKET -> (int) SOCKETPAIR.invokeExact(1, 5, 0, pair);
            };
            if (rc != 0) {
                throw new IllegalStateException("no " + kind);
            }
            return new PipeEnds(pair.getAtIndex(JAVA_INT, 0), pair.getAtIndex(JAVA_INT, 1));
        } catch (final Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    /** Creates an eventfd in semaphore mode, which serves as both ends. */
    public static PipeEnds semaphore(final int count) {
        try {
            final int fd = (int) EVENTFD.invokeExact(count, EFD_SEMAPHORE);
            return new PipeEnds(fd, Fd.duplicate(fd));
        } catch (final Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    /** Opens a descriptor that cannot carry notifications. */
    @FunctionalInterface
    private interface Opening {
        int open() throws Throwable;
    }

    private static int opened(final Opening opening) {
        try {
            final int fd = opening.open();
            if (fd < 0) {
                throw new IllegalStateException("not opened");
            }
            return fd;
        } catch (final Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    public static int timer() {
        return opened(() -> (int) TIMERFD_CREATE.invokeExact(1, 0));
    }

    public static int inotify() {
        return opened(() -> (int) INOTIFY_INIT1.invokeExact(0));
    }

    public static int epoll() {
        return opened(() -> (int) EPOLL_CREATE1.invokeExact(0));
    }

    public static int internetSocket() {
        return opened(() -> (int) SOCKET.invokeExact(2, 2, 0));
    }

    public static int open(final String path) {
        return open(path, O_RDWR | O_NONBLOCK);
    }

    private static int open(final String path, final int flags) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment name = arena.allocateFrom(path);
            return opened(() -> (int) OPEN.invokeExact(name, flags));
        }
    }

    public static int fifo(final Path path) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment name = arena.allocateFrom(path.toString());
            opened(() -> (int) MKFIFO.invokeExact(name, 0600));
        }
        return open(path.toString());
    }

    /** Opens another descriptor of an open file, which can be neither read nor written. */
    public static int withoutAccess(final int fd) {
        return open("/proc/self/fd/" + fd, O_PATH);
    }

    private static MethodHandle function(final String name, final ValueLayout result, final ValueLayout... parameters) {
        return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name),
            FunctionDescriptor.of(result, (MemoryLayout[]) parameters));
    }

    /** Returns the end to read from. */
    public int reads() {
        return reads;
    }

    /** Returns the end to write to. */
    public int writes() {
        return writes;
    }

    private static void nonBlocking(final int fd, final boolean on) {
        try {
            final int rc = (int) FCNTL.invokeExact(fd, F_SETFL, on ? O_NONBLOCK : 0);
            if (rc != 0) {
                throw new IllegalStateException("F_SETFL");
            }
        } catch (final Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    /** Writes the value 1. */
    public void write() {
        write(value);
    }

    private long write(final MemorySegment from) {
        from.set(JAVA_LONG, 0, 1);
        return write(from.address());
    }

    private long write(final long address) {
        try {
            return (long) WRITE.invokeExact(writes, MemorySegment.ofAddress(address), (long) Long.BYTES);
        } catch (final Throwable t) {
            throw new IllegalStateException(t);
        }
    }

    /** Writes from memory whose pages may be missing. */
    public void write(final Mapping from) {
        write(from.address());
    }

    /** Reads one 8-byte value if there is one, and leaves the end blocking. */
    public boolean read() {
        nonBlocking(reads, true);
        try {
            return (long) READ.invokeExact(reads, value, (long) Long.BYTES) == Long.BYTES
                && value.get(JAVA_LONG, 0) == 1;
        } catch (final Throwable t) {
            throw new IllegalStateException(t);
        } finally {
            nonBlocking(reads, false);
        }
    }

    /** Fills the pipe or socket, and leaves the write end blocking. */
    public PipeEnds fill() {
        nonBlocking(writes, true);
        while (write(value) > 0) {
            Thread.onSpinWait();
        }
        nonBlocking(writes, false);
        return this;
    }

    /** Closes the write end. */
    public void closeWrites() {
        if (writes != CLOSED) {
            Fd.close(writes);
            writes = CLOSED;
        }
    }

    /** Closes the read end. */
    public void closeReads() {
        if (reads != CLOSED) {
            Fd.close(reads);
            reads = CLOSED;
        }
    }

    @Override
    public void close() {
        closeReads();
        closeWrites();
        arena.close();
    }
}
