package io.ringbridge.api;

import io.ringbridge.control.transport.SocketAccess;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.unixdomain.server.UnixDomainServerConnector;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;

/** Serves the API on a Unix socket. */
public final class ApiServer implements AutoCloseable {
    /** Only requests that have arrived occupy a thread; an upgrade occupies one for minutes. */
    private static final int MAX_THREADS = 16;
    /**
     * The limit for each part of a request to arrive and for each part of an answer to be read. The time to execute a
     * request does not count.
     */
    static final Duration IDLE = Duration.ofSeconds(10);
    /** A path at which a file never exists. */
    private static final Path NOWHERE = Path.of("/proc/ringbridge/none");

    private final Server server;
    private final UnixDomainServerConnector connector;
    private final long inode;
    private volatile Path socket;

    private ApiServer(final Server server, final UnixDomainServerConnector connector, final Path socket,
        final long inode) {
        this.server = server;
        this.connector = connector;
        this.socket = socket;
        this.inode = inode;
    }

    /**
     * Opens the socket and starts to serve.
     *
     * @throws ApiException if the socket cannot be opened; a socket on which another process listens is left alone
     */
    public static ApiServer start(final Path socket, final SocketAccess access, final SwitchControl control) {
        return start(socket, access, ApiResources.of(control), IDLE);
    }

    /** Starts to serve with the default access to the socket. */
    static ApiServer start(final Path socket, final SwitchControl control) {
        return start(socket, SocketAccess.DEFAULT, control);
    }

    static ApiServer start(final Path socket, final SocketAccess access, final List<Resource> resources,
        final Duration idle) {
        ApiSocket.checkPath(socket);
        final UnixDomainServerConnector connector = connector();
        final Server server = connector.getServer();
        final ApiConnections connections = new ApiConnections();
        connector.addBean(connections);
        connector.setIdleTimeout(idle.toMillis());
        server.setHandler(new ApiHandler(new Router(resources), connections));
        try {
            RuntimeDirectory.makeFor(socket);
            ApiSocket.clear(socket);
            connector.setUnixDomainPath(socket);
            server.start();
            access.apply(socket);
            return new ApiServer(server, connector, socket, inode(socket));
        } catch (final Exception e) {
            // The socket at this path may belong to another process.
            connector.setUnixDomainPath(server.isStarted() ? socket : NOWHERE);
            stop(server);
            throw new ApiException(500, "api socket " + socket + ": " + reason(socket, e));
        }
    }

    /** Loads the classes of a server on a thread of its own: they take a quarter of a switch's time to start. */
    public static void preload() {
        Thread.ofPlatform().daemon().name("rb-api-load").start(ApiServer::connector);
    }

    private static UnixDomainServerConnector connector() {
        final Server server = server("rb-api");
        final UnixDomainServerConnector connector =
            new UnixDomainServerConnector(server, 1, 1, new HttpConnectionFactory(httpConfiguration()));
        server.addConnector(connector);
        return connector;
    }

    /** Creates a server without connectors. */
    static Server server(final String threadName) {
        final QueuedThreadPool threads = new QueuedThreadPool(MAX_THREADS, 1);
        threads.setName(threadName);
        threads.setDaemon(true);
        final Server server = new Server(threads);
        server.setErrorHandler(new ApiErrors());
        server.setStopTimeout(0);
        return server;
    }

    static HttpConfiguration httpConfiguration() {
        final HttpConfiguration http = new HttpConfiguration();
        http.setSendServerVersion(false);
        http.setSendDateHeader(false);
        return http;
    }

    public Path socket() {
        return socket;
    }

    private static long inode(final Path path) throws IOException {
        return (Long) Files.getAttribute(path, "unix:ino", LinkOption.NOFOLLOW_LINKS);
    }

    /**
     * Moves the socket to another path and atomically replaces a socket there: a client finds either the old server or
     * this one.
     *
     * @throws ApiException if the socket cannot be moved; it stays at its old path and keeps serving
     */
    public void moveTo(final Path place) {
        try {
            ApiSocket.checkSocketOrNothing(place);
            Files.move(socket, place, StandardCopyOption.ATOMIC_MOVE);
            socket = place;
        } catch (final IOException e) {
            throw new ApiException(500,
                "api socket " + socket + " cannot be moved to " + place + ": " + e.getMessage());
        }
    }

    /** Stops serving, and removes the socket if it is still this server's. */
    @Override
    public void close() {
        boolean ours = false;
        try {
            ours = inode(socket) == inode;
        } catch (IOException _) {
            // Another process has removed it.
        }
        // Jetty removes the file at its path, whoever created it.
        connector.setUnixDomainPath(ours ? socket : NOWHERE);
        stop(server);
    }

    static void stop(final Server server) {
        try {
            server.stop();
        } catch (Exception _) {
            // The server has stopped serving even so.
        }
    }

    private static String reason(final Path socket, final Throwable failure) {
        final Path directory = socket.toAbsolutePath().getParent();
        if (directory != null && !Files.isDirectory(directory)) {
            return "directory " + directory + " does not exist";
        }
        return rootMessage(failure);
    }

    /** Returns the message of the first cause of a failure. */
    static String rootMessage(final Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return String.valueOf(cause.getMessage());
    }
}
