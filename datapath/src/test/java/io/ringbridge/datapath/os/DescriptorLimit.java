package io.ringbridge.datapath.os;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

/** Limits the descriptors that this process can still open, until it is closed. */
public final class DescriptorLimit implements AutoCloseable {
    private static final long PRLIMIT64 = "aarch64".equals(System.getProperty("os.arch")) ? 261 : 302;
    private static final long RLIMIT_NOFILE = 7;

    private final long before;

    private DescriptorLimit(final long limit) {
        before = limit(limit);
    }

    /** Lets this process open that many more descriptors. */
    public static DescriptorLimit leaving(final int more) {
        int limit = 0;
        for (int free = 0; free < more || isOpen(limit); limit++) {
            free += isOpen(limit) ? 0 : 1;
        }
        return new DescriptorLimit(limit);
    }

    private static boolean isOpen(final int fd) {
        return Files.isSymbolicLink(Path.of("/proc/self/fd/" + fd));
    }

    /** Sets the soft limit and returns the former one. */
    private static long limit(final long wanted) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment limits = arena.allocate(JAVA_LONG, 2);
            check(Libc.syscall(PRLIMIT64, 0, RLIMIT_NOFILE, 0, limits.address(), 0));
            final long old = limits.get(JAVA_LONG, 0);
            limits.set(JAVA_LONG, 0, wanted);
            check(Libc.syscall(PRLIMIT64, 0, RLIMIT_NOFILE, limits.address(), 0, 0));
            return old;
        }
    }

    private static void check(final long result) {
        if (result < 0) {
            throw new OsException("prlimit", result);
        }
    }

    @Override
    public void close() {
        limit(before);
    }
}
