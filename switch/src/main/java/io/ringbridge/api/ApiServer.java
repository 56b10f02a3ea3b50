package io.ringbridge.api;

import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.unixdomain.server.UnixDomainServerConnector;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;

/** The API on a Unix socket. */
public final class ApiServer implements AutoCloseable {
    private static final int MAX_THREADS = 8;

    private final Server server;
    private final Path socket;

    private ApiServer(final Server server, final Path socket) {
        this.server = server;
        this.socket = socket;
    }

    /**
     * Opens the socket and serves.
     *
     * @throws ApiException when the socket cannot be opened; one that another process listens on is left alone
     */
    public static ApiServer start(final Path socket, final SwitchControl control) {
        final QueuedThreadPool threads = new QueuedThreadPool(MAX_THREADS, 1);
        threads.setName("rb-api");
        threads.setDaemon(true);
        final Server server = new Server(threads);
        final HttpConfiguration http = new HttpConfiguration();
        http.setSendServerVersion(false);
        http.setSendDateHeader(false);
        final UnixDomainServerConnector connector = new UnixDomainServerConnector(server, 1, 1, new HttpConnectionFactory(http));
        connector.setUnixDomainPath(socket);
        server.addConnector(connector);
        server.setHandler(new ApiHandler(control));
        server.setErrorHandler(new ApiErrors());
        server.setStopTimeout(0);
        try {
            ApiSocket.clear(socket);
            server.start();
            Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-rw----"));
            return new ApiServer(server, socket);
        } catch (final Exception e) {
            stop(server);
            throw new ApiException(500, "api socket " + socket + ": " + reason(socket, e));
        }
    }

    public Path socket() {
        return socket;
    }

    /** Stops serving and removes the socket. */
    @Override
    public void close() {
        stop(server);
        try {
            Files.deleteIfExists(socket);
        } catch (IOException _) {
            // The directory may be gone, or not be ours any more; nothing is left to do about the socket in it.
        }
    }

    private static void stop(final Server server) {
        try {
            server.stop();
        } catch (Exception _) {
            // It serves no more either way.
        }
    }

    private static String reason(final Path socket, final Throwable failure) {
        final Path directory = socket.toAbsolutePath().getParent();
        if (!Files.isDirectory(directory)) {
            return "directory " + directory + " does not exist";
        }
        Throwable cause = failure;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getMessage();
    }
}
