package io.ringbridge.bench.backend;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.peer.SwitchConfig;
import io.ringbridge.bench.peer.SwitchProcess;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.control.transport.TransportException;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;

/**
 * A back-end, named by its sockets. Owned by one thread. A shutdown hook also ends a switch that was started for the
 * measurement.
 */
public final class Target implements AutoCloseable {
    private static final int PERMISSIONS = 0660;
    /** Large enough for every frame size that the options allow. */
    private static final int OWN_MTU = 9000;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final String title;
    private final List<Path> sockets;
    private final boolean listens;
    private final AtomicBoolean closed = new AtomicBoolean();
    private final Runnable end;
    private @Nullable Thread hook;
    private long pid;

    private Target(final String title, final List<Path> sockets, final boolean listens, final Runnable end) {
        this.title = title;
        this.sockets = sockets;
        this.listens = listens;
        this.end = end;
    }

    /**
     * Returns a back-end that is already running.
     *
     * @param listens whether the back-end connects, so that the front-end must listen
     */
    public static Target of(final List<Path> sockets, final boolean listens) {
        return new Target("the back-end at " + sockets.getFirst(), List.copyOf(sockets), listens, () -> { });
    }

    /**
     * Starts this switch, as a user does.
     *
     * @param ports the number of ports
     * @param queues queue pairs per port
     * @param poll the polling mode of idle workers, {@code busy} or {@code adaptive}
     * @param cpus one processor per worker; if empty, one worker that is not pinned
     */
    public static Target ownSwitch(final int ports, final int queues, final String poll, final List<Integer> cpus) {
        final SwitchConfig config = new SwitchConfig().set("workers", Math.max(1, cpus.size()))
            .set("poll", poll);
        if (!cpus.isEmpty()) {
            config.set("cpus", cpus);
        }
        final List<String> names = IntStream.range(0, ports).mapToObj(i -> "p" + i).toList();
        names.forEach(name -> config.server(name, queues).mtu(OWN_MTU));
        final SwitchProcess process = SwitchProcess.start(config).awaitWarm();
        return started("Ringbridge", names.stream().map(process::socket).toList(), false, process::close);
    }

    /**
     * Returns a back-end that was started for the measurement.
     *
     * @param end ends the back-end; runs once, at the latest when the JVM exits
     */
    static Target started(final String title, final List<Path> sockets, final boolean listens, final Runnable end) {
        final Target target = new Target(title, sockets, listens, end);
        target.hook = new Thread(target::end, "end-back-end");
        Runtime.getRuntime().addShutdownHook(target.hook);
        return target;
    }

    /** Returns the back-end's name for the report. */
    public String title() {
        return title;
    }

    /** Returns the process ID of the back-end, or 0 until a front-end has connected or if the kernel hides it. */
    public long pid() {
        return pid;
    }

    /** Returns the number of ports. Every port has one socket. */
    public int ports() {
        return sockets.size();
    }

    /** Returns the socket of a port. */
    public Path socket(final int port) {
        return sockets.get(port);
    }

    /**
     * Connects a front-end to a port, or waits until the back-end has connected.
     *
     * @throws BenchException if no back-end listens, or none connects within 30 s
     */
    public Frontend connect(final int port) {
        final Path socket = socket(port);
        try {
            final Connection connection = listens ? accept(socket) : Connection.connect(socket);
            pid = connection.peer().pid();
            return Frontend.over(connection);
        } catch (final IOException e) {
            throw new BenchException("--target " + socket + ": cannot connect: " + e.getMessage()
                + "; a vhost-user back-end must listen there; if the back-end connects, use --listen", e);
        } catch (final TransportException e) {
            throw new BenchException("--target: " + e.getMessage(), e);
        }
    }

    private static Connection accept(final Path socket) throws IOException {
        final long start = System.nanoTime();
        try (Listener listener = Listener.open(socket, PERMISSIONS)) {
            while (System.nanoTime() - start < PATIENCE_NANOS) {
                final Connection connection = listener.accept();
                if (connection != null) {
                    return connection;
                }
            }
        }
        throw new IOException("no back-end connected within " + TimeUnit.NANOSECONDS.toSeconds(PATIENCE_NANOS) + " s");
    }

    private void end() {
        if (closed.compareAndSet(false, true)) {
            end.run();
        }
    }

    @Override
    public void close() {
        end();
        if (hook != null) {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException _) {
                // The JVM is already shutting down.
            }
        }
    }
}
