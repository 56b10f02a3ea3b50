package io.ringbridge.datapath.os;

import org.jspecify.annotations.Nullable;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/**
 * A userfaultfd(2): reports accesses to missing pages, and lets a program provide the pages.
 *
 * <p>It always refers to the memory of the process that created it, even if another process has the descriptor. This
 * applies to {@link #watch}, {@link #forget} and {@link #wake}. Any thread may call; one owner closes.
 */
public final class Userfault implements AutoCloseable {
    private static final int PAGE_FAULT = 0x12;
    private static final int O_CLOEXEC = 0x80000;
    private static final int O_NONBLOCK = 0x800;
    private static final long API = 0xAA;
    private static final long UFFDIO_API = 0xC018_AA3FL;
    private static final long UFFDIO_REGISTER = 0xC020_AA00L;
    private static final long UFFDIO_UNREGISTER = 0x8010_AA01L;
    private static final long UFFDIO_WAKE = 0x8010_AA02L;
    private static final long UFFDIO_COPY = 0xC028_AA03L;
    private static final long MODE_MISSING = 1;
    private static final int EVENT_BYTES = 32;
    private static final int EVENT_ADDRESS = 16;
    private static final long CALL_NUMBER = "aarch64".equals(System.getProperty("os.arch")) ? 282 : 323;

    private final int fd;
    private boolean closed;

    private Userfault(final int fd) {
        this.fd = fd;
    }

    /**
     * Opens a userfaultfd for the memory of this process.
     *
     * @throws OsException if the kernel does not support it, or this process is not permitted to use it
     */
    public static Userfault open() {
        final int fd = (int) Libc.syscall(CALL_NUMBER, O_CLOEXEC | O_NONBLOCK, 0, 0, 0, 0);
        if (fd == -Libc.EPERM) {
            throw new OsException("userfaultfd: not permitted (EPERM); it needs CAP_SYS_PTRACE, or the sysctl "
                + "vm.unprivileged_userfaultfd=1");
        }
        if (fd < 0) {
            throw new OsException("userfaultfd", fd);
        }
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment api = arena.allocate(24, 8);
            api.set(JAVA_LONG, 0, API);
            final int rc = Libc.ioctl(fd, UFFDIO_API, api);
            if (rc < 0) {
                Fd.close(fd);
                throw new OsException("UFFDIO_API", rc);
            }
        }
        return new Userfault(fd);
    }

    /** Adopts the descriptor of a userfaultfd that another process created. */
    public static Userfault adopt(final int fd) {
        return new Userfault(fd);
    }

    /** Returns the reason why this process cannot let another one provide its missing pages, or null if it can. */
    public static @Nullable String problem() {
        try (Userfault _ = open()) {
            return Mapping.canPopulate() ? null : "the kernel has no MADV_POPULATE_READ; Linux 5.14 or later is needed";
        } catch (final OsException e) {
            return e.getMessage();
        }
    }

    /** Watches a mapping: an access to a missing page is reported, and waits for the page. */
    public void watch(final Mapping mapping) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment register = arena.allocate(32, 8);
            register.set(JAVA_LONG, 0, mapping.base());
            register.set(JAVA_LONG, 8, mapping.length());
            register.set(JAVA_LONG, 16, MODE_MISSING);
            check("UFFDIO_REGISTER of " + mapping.length() + " bytes", Libc.ioctl(fd, UFFDIO_REGISTER, register));
        }
    }

    /** Ends the watch of a mapping. Threads that wait for a page retry their access. */
    public void forget(final Mapping mapping) {
        range("UFFDIO_UNREGISTER", UFFDIO_UNREGISTER, mapping.base(), mapping.length());
    }

    /** Wakes the threads that wait for pages of a range, which are present now. */
    public void wake(final long address, final long bytes) {
        range("UFFDIO_WAKE", UFFDIO_WAKE, address, bytes);
    }

    private void range(final String what, final long request, final long start, final long length) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment range = arena.allocate(16, 8);
            range.set(JAVA_LONG, 0, start);
            range.set(JAVA_LONG, 8, length);
            check(what + " of " + length + " bytes", Libc.ioctl(fd, request, range));
        }
    }

    /** Provides missing pages of a watched mapping as copies, and wakes the threads that wait for them. */
    public void copy(final long from, final long to, final long bytes) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment copy = arena.allocate(40, 8);
            copy.set(JAVA_LONG, 0, to);
            copy.set(JAVA_LONG, 8, from);
            copy.set(JAVA_LONG, 16, bytes);
            check("UFFDIO_COPY of " + bytes + " bytes", Libc.ioctl(fd, UFFDIO_COPY, copy));
        }
    }

    /** Returns the address of the next access to a missing page that was not returned yet, or 0 if there is none. */
    public long nextMissing() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment event = arena.allocate(EVENT_BYTES, 8);
            return Libc.read(fd, event.address(), EVENT_BYTES) == EVENT_BYTES && event.get(JAVA_BYTE, 0) == PAGE_FAULT
                ? event.get(JAVA_LONG, EVENT_ADDRESS) : 0;
        }
    }

    private static void check(final String what, final int rc) {
        if (rc < 0) {
            throw new OsException(what, rc);
        }
    }

    /** Returns the descriptor, to hand it over; this object still owns it. */
    public int fd() {
        return fd;
    }

    /** Closes the descriptor. Further calls have no effect. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            Fd.close(fd);
        }
    }
}
