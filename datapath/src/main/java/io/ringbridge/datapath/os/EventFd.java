package io.ringbridge.datapath.os;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * A kick, call or error descriptor: a 64-bit counter of the kernel's.
 *
 * <p>Nothing here ever waits, whatever others who hold the descriptor have made of it. Any thread may signal and drain; one owner
 * closes.
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

    /** Makes a new one with a count of zero. */
    public static EventFd create() {
        final EventSignals signals = EventSignals.get();
        final int fd = Libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (fd < 0) {
            throw new OsException("eventfd", fd);
        }
        return new EventFd(signals, fd);
    }

    /**
     * Takes over an eventfd that a peer sent.
     *
     * @param fd the descriptor; closed when it is refused
     * @throws OsException if it is anything else
     */
    public static EventFd adopt(final int fd) {
        final String target = Fd.target(fd);
        if (!target.equals(TARGET)) { // a file may have any name, and this in it
            Fd.abandon(fd);
            throw new OsException("a descriptor of a ring is " + target + "; an eventfd is needed");
        }
        if (!Fd.isReadable(fd)) { // the number of one that was opened with O_PATH
            Fd.abandon(fd);
            throw new OsException("a descriptor of a ring is an eventfd that cannot be read; one that can is needed");
        }
        return new EventFd(EventSignals.get(), fd);
    }

    /** Whether a descriptor is an eventfd. */
    public static boolean isOne(final int fd) {
        return TARGET.equals(Fd.target(fd));
    }

    /** Adds one to the count, which wakes whoever waits for it. A full count stays as it is. */
    public void signal() {
        signals.signal(fd);
    }

    /** Takes the count back to zero; true when it was not. */
    public boolean drain() {
        return Libc.readLong(fd) == 8;
    }

    /**
     * Reads the count and leaves it as it is. Costs several system calls.
     *
     * @return the count, or 0 if the kernel does not show it
     */
    public long count() {
        return shown("eventfd-count:");
    }

    /**
     * Whether a read takes only one off the count (EFD_SEMAPHORE). Kernels before 6.5 do not show it.
     */
    public boolean isSemaphore() {
        return shown("eventfd-semaphore:") != 0;
    }

    private long shown(final String label) {
        try (Stream<String> lines = Files.lines(Path.of("/proc/self/fdinfo/" + fd))) {
            return lines.filter(line -> line.startsWith(label)).mapToLong(line -> Long.parseUnsignedLong(
                line.substring(label.length()).strip(), 16)).findFirst().orElse(0);
        } catch (final IOException | UncheckedIOException | NumberFormatException e) {
            return 0;
        }
    }

    /** The descriptor's number, for handing it on; it remains this object's. */
    public int fd() {
        return fd;
    }

    /** Closes the descriptor, once. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            Fd.close(fd);
        }
    }
}
