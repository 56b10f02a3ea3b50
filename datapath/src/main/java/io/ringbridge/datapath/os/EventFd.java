package io.ringbridge.datapath.os;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * A kick, call or error descriptor: a 64-bit counter in the kernel.
 *
 * <p>No method ever waits, whatever flags a peer that shares the eventfd has set. Any thread may signal and drain; one
 * owner closes.
 */
public final class EventFd implements AutoCloseable {
    private static final int EFD_CLOEXEC = 0x80000;
    private static final int EFD_NONBLOCK = 0x800;
    private static final String TARGET = "anon_inode:[eventfd]";

    private final EventSignals signals;
    private final int fd;
    private boolean closed;

    private EventFd(final EventSignals signals, final int fd) {
        this.signals = signals;
        this.fd = fd;
    }

    /** Creates an eventfd with a count of zero. */
    public static EventFd create() {
        final EventSignals signals = EventSignals.get();
        final int fd = Libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0) {
            throw new OsException("eventfd", fd);
        }
        return new EventFd(signals, fd);
    }

    /**
     * Adopts an eventfd that a peer sent.
     *
     * @param fd the descriptor; closed if it is refused
     * @throws OsException if it is not a readable eventfd
     */
    public static EventFd adopt(final int fd) {
        final String target = Fd.target(fd);
        if (!target.equals(TARGET)) { // equals, because the path of a file may contain anything
            Fd.abandon(fd);
            throw new OsException("a ring's descriptor is " + target + "; an eventfd is needed");
        }
        if (!Fd.isReadable(fd)) { // opened with O_PATH
            Fd.abandon(fd);
            throw new OsException("a ring's descriptor is an eventfd that cannot be read; a readable one is needed");
        }
        return new EventFd(EventSignals.get(), fd);
    }

    /** Whether a descriptor is an eventfd. */
    public static boolean isOne(final int fd) {
        return TARGET.equals(Fd.target(fd));
    }

    /** Adds one to the count, which wakes its waiters. A full count stays unchanged. */
    public void signal() {
        signals.signal(fd);
    }

    /**
     * Resets the count to zero.
     *
     * @return whether it was not zero
     */
    public boolean drain() {
        return Libc.readLong(fd) == 8;
    }

    /**
     * Reads the count without changing it. Costs several system calls.
     *
     * @return the count, or 0 if the kernel does not report it
     */
    public long count() {
        return readInfo("eventfd-count:");
    }

    /**
     * Whether a read only decrements the count (EFD_SEMAPHORE). Always false before Linux 6.5, which does not report
     * it.
     */
    public boolean isSemaphore() {
        return readInfo("eventfd-semaphore:") != 0;
    }

    private long readInfo(final String label) {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/fdinfo/" + fd))) {
            return lines.filter(line -> line.startsWith(label)).mapToLong(line -> Long.parseUnsignedLong(
                line.substring(label.length()).strip(), 16)).findFirst().orElse(0);
        } catch (final IOException | UncheckedIOException | NumberFormatException e) {
            return 0;
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
