package io.ringbridge.api;

import io.ringbridge.config.Http;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

import java.time.Duration;

/** Serves the API and the page over TCP, with the limits of the Unix socket and behind a {@link TokenGate}. */
public final class HttpServer implements AutoCloseable {
    private final ServerConnector connector;

    private HttpServer(final ServerConnector connector) {
        this.connector = connector;
    }

    /**
     * Opens the port and starts to serve.
     *
     * @throws ApiException if the port cannot be opened
     */
    public static HttpServer start(final Http http, final SwitchControl control) {
        return start(http, control, ApiServer.IDLE);
    }

    static HttpServer start(final Http http, final SwitchControl control, final Duration idle) {
        final Server server = ApiServer.server("rb-http");
        final ServerConnector connector =
            new ServerConnector(server, 1, 1, new HttpConnectionFactory(ApiServer.httpConfiguration()));
        final ApiConnections connections = new ApiConnections();
        connector.setHost(http.address().getHostAddress());
        connector.setPort(http.port());
        connector.setIdleTimeout(idle.toMillis());
        connector.addBean(connections);
        server.addConnector(connector);
        server.setHandler(new TokenGate(http, connections,
            new PageHandler(new ApiHandler(new Router(ApiResources.of(control)), connections))));
        try {
            server.start();
            return new HttpServer(connector);
        } catch (final Exception e) {
            ApiServer.stop(server);
            throw new ApiException(500, "http " + http.place() + ": " + ApiServer.rootMessage(e));
        }
    }

    /** Closes the port, for another process. Connections are served until {@link #close}. */
    public void release() {
        connector.close();
    }

    /** Stops serving, and closes all connections. */
    @Override
    public void close() {
        ApiServer.stop(connector.getServer());
    }
}
