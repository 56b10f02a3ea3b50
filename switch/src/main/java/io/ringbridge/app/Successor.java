package io.ringbridge.app;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.control.transport.TransportException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The process that is to go on in this one's place. It shares standard input and outputs, and is told where to connect. Ended with
 * {@link #close}, but for one that was {@linkplain #release released}.
 */
final class Successor implements AutoCloseable {
    /** Only who runs this process may connect. */
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
     * Starts it.
     *
     * @param command to which the option that says where to connect is added
     * @param limit for it to start and to be ready; its launcher may have to build it first
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
            throw new HandOverException("the new process cannot be started: " + e.getMessage(), e);
        }
    }

    /** Waits for it to connect. */
    StateSocket connection() {
        try {
            Connection connection = null;
            while (connection == null) {
                if (!process.isAlive()) {
                    throw new HandOverException("the new process has ended with status " + process.exitValue()
                        + " before it was ready; its own words are in the log");
                }
                if (remaining().isZero()) {
                    throw new HandOverException("the new process has not connected within " + limit.toSeconds()
                        + " s; upgrade --timeout allows more");
                }
                connection = listener.accept();
            }
            return new StateSocket(connection);
        } catch (final IOException e) {
            throw new HandOverException("the new process cannot connect: " + e.getMessage(), e);
        }
    }

    /** Returns what is left of the time in which it has to be ready. */
    Duration remaining() {
        final Duration left = limit.minusNanos(System.nanoTime() - begun);
        return left.isNegative() ? Duration.ZERO : left;
    }

    /** Lets it live. */
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

    private static void remove(final Path directory, final Listener listener) {
        if (listener != null) {
            listener.close();
        }
        try {
            if (directory != null) {
                Files.deleteIfExists(directory);
            }
        } catch (IOException _) {
            // It is in the directory for temporary files, which somebody clears.
        }
    }
}
