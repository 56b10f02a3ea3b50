package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.ApiServer;
import io.ringbridge.api.ApiSocket;
import io.ringbridge.api.SwitchControl;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.transport.SocketAccess;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The API of a switch, which is opened at most once. Any thread may call. The lock of an endpoint is the innermost one:
 * no method that holds it calls the switch.
 */
final class ApiEndpoint implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ApiEndpoint.class);

    private final SwitchControl control;
    private final SocketAccess access;
    private Optional<ApiServer> server = Optional.empty();
    private boolean closed;

    ApiEndpoint(final SwitchControl control, final SocketAccess access) {
        this.control = control;
        this.access = access;
    }

    /**
     * Opens the API. Does nothing if this endpoint is closed.
     *
     * @throws ApiException if the socket cannot be opened; a socket that another process uses is left alone
     */
    synchronized void open(final Path socket) {
        if (!closed) {
            server = Optional.of(ApiServer.start(socket, access, control));
        }
    }

    /** Logs the socket, if the API is open. */
    synchronized void log() {
        server.ifPresent(api -> LOG.info("API on {}", api.socket()));
    }

    /**
     * Opens the API at a temporary path beside its socket, from which {@link #place} moves it.
     *
     * @param taken whether the old process has the socket; otherwise the path has to be free
     */
    synchronized void openBeside(final Path socket, final boolean taken) {
        if (!taken) {
            try {
                ApiSocket.checkFree(socket);
            } catch (final IOException e) {
                throw new HandOverException("api socket " + socket + ": " + e.getMessage(), e);
            }
        }
        open(socket.resolveSibling(".api-" + ProcessHandle.current().pid()));
    }

    /** Moves the API, if it is open, to its socket, and replaces that of the old process. */
    synchronized void place(final Path socket) {
        server.ifPresent(api -> {
            try {
                api.moveTo(socket);
                LOG.info("API on {}", socket);
            } catch (final ApiException e) {
                LOG.error("{}", e.getMessage());
            }
        });
    }

    /** Returns the socket, if the API is open. */
    synchronized Optional<Path> socket() {
        return server.map(ApiServer::socket);
    }

    @Override
    public synchronized void close() {
        closed = true;
        server.ifPresent(ApiServer::close);
    }
}
