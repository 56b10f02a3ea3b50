package io.ringbridge.datapath.os;

import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.function.IntConsumer;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

/** An inotify instance that reports changes to files (inotify(7)). Only one thread at a time may call. */
final class Inotify {
    private static final int IN_NONBLOCK = 0x800;
    private static final int IN_CLOEXEC = 0x8_0000;
    private static final int IN_MODIFY = 2;
    /** struct inotify_event: int wd, uint32_t mask, cookie, len; a name of len bytes follows. */
    private static final int EVENT_BYTES = 16;
    private static final int MASK_AT = 4;
    private static final int NAME_LENGTH_AT = 12;

    // int inotify_init1(int flags)
    private static final MethodHandle INIT = Libc.function("inotify_init1", JAVA_INT, JAVA_INT);
    // int inotify_add_watch(int fd, const char *pathname, uint32_t mask)
    private static final MethodHandle ADD = Libc.function("inotify_add_watch", JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT);
    // int inotify_rm_watch(int fd, int wd)
    private static final MethodHandle REMOVE = Libc.function("inotify_rm_watch", JAVA_INT, JAVA_INT, JAVA_INT);

    private final MemorySegment errno = Arena.global().allocate(Linker.Option.captureStateLayout());
    private final MemorySegment events = Arena.global().allocate(4096, 8);
    private final int fd;

    Inotify() {
        try {
            fd = (int) INIT.invokeExact(errno, IN_NONBLOCK | IN_CLOEXEC);
        } catch (final Throwable t) {
            throw Libc.unexpected(t);
        }
    }

    /** Adds an open file. Returns the watch descriptor, which is the same for each descriptor of the file, or -1. */
    int add(final int file) {
        try (Arena arena = Arena.ofConfined()) {
            return fd < 0 ? -1
                : (int) ADD.invokeExact(errno, fd, arena.allocateFrom("/proc/self/fd/" + file), IN_MODIFY);
        } catch (final Throwable t) {
            throw Libc.unexpected(t);
        }
    }

    void remove(final int watch) {
        try {
            int _ = (int) REMOVE.invokeExact(errno, fd, watch);
        } catch (final Throwable t) {
            throw Libc.unexpected(t);
        }
    }

    /** Reads the events that wait, and passes on the watch descriptor of each. */
    void read(final IntConsumer changed) {
        long bytes = fd < 0 ? 0 : Libc.read(fd, events.address(), events.byteSize());
        while (bytes > 0) {
            for (long at = 0; at < bytes; at += EVENT_BYTES + events.get(JAVA_INT, at + NAME_LENGTH_AT)) {
                if ((events.get(JAVA_INT, at + MASK_AT) & IN_MODIFY) != 0) {
                    changed.accept(events.get(JAVA_INT, at));
                }
            }
            bytes = Libc.read(fd, events.address(), events.byteSize());
        }
    }
}
