package io.ringbridge.app;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.control.transport.TransportException;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The new process of an upgrade. It inherits standard input and outputs, and gets the path of a socket to connect to.
 * {@link #close} kills it unless it was {@linkplain #release released}.
 */
final class Successor implements AutoCloseable {
    /** Only the user of this process may connect. */
    private static final int OWNER_ONLY = 0600;

    private final Path directory;
    private final Listener listener;
    private final Process process;
    private final Duration limit;
    private final long begun = System.nanoTime();
    private boolean released;

    private Successor(final Path directory, final Listener listener, final Process process, final Duration limit) {
        this.limit = limit;
        this.directory = directory;
        this.listener = listener;
        this.process = process;
    }

    /**
     * Starts the new process.
     *
     * @param command the command line, to which the option with the path of the socket is added
     * @param limit the time that the process may take to become ready; its launcher may have to build it first
     */
    static Successor start(final List<String> command, final Duration limit) {
        Path directory = null;
        Listener listener = null;
        try {
            directory = Files.createTempDirectory("ringbridge-upgrade-");
            final Path socket = directory.resolve("s");
            listener = Listener.open(socket, OWNER_ONLY);
            final List<String> whole = new ArrayList<>(command);
            whole.add("--upgrade-from=" + socket);
            return new Successor(directory, listener, new ProcessBuilder(whole).inheritIO().start(), limit);
        } catch (final IOException | TransportException e) {
            remove(directory, listener);
            throw new HandOverException("cannot start the new process: " + e.getMessage(), e);
        }
    }

    /** Waits until the new process connects. */
    StateSocket awaitConnection() {
        try {
            Connection connection = null;
            while (connection == null) {
                if (!process.isAlive()) {
                    throw new HandOverException("the new process exited with status " + process.exitValue()
                        + " before it was ready; see its messages in the log of the switch");
                }
                if (remaining().isZero()) {
                    throw new HandOverException("the new process did not connect within " + limit.toSeconds()
                        + " s; allow more time with upgrade --timeout");
                }
                connection = listener.accept();
            }
            return new StateSocket(connection);
        } catch (final IOException e) {
            throw new HandOverException("the new process cannot connect: " + e.getMessage(), e);
        }
    }

    /** Returns the time left for the new process to become ready. */
    Duration remaining() {
        final Duration left = limit.minusNanos(System.nanoTime() - begun);
        return left.isNegative() ? Duration.ZERO : left;
    }

    /** Leaves the process running when this object is closed. */
    void release() {
        released = true;
    }

    @Override
    public void close() {
        if (!released) {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        remove(directory, listener);
    }

    private static void remove(final @Nullable Path directory, final @Nullable Listener listener) {
        if (listener != null) {
            listener.close();
        }
        try {
            if (directory != null) {
                Files.deleteIfExists(directory);
            }
        } catch (IOException _) {
            // It is in the directory for temporary files, which the system cleans up.
        }
    }
}
