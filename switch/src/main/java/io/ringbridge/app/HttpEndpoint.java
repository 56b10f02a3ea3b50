package io.ringbridge.app;

import io.ringbridge.api.ApiException;
import io.ringbridge.api.HttpServer;
import io.ringbridge.api.SwitchControl;
import io.ringbridge.config.Http;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.util.Optional;

/** The API of a switch over TCP, if it is configured. Any thread may call. */
final class HttpEndpoint implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HttpEndpoint.class);
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final Duration PAUSE = Duration.ofMillis(20);

    private final Optional<Http> http;
    private final SwitchControl control;
    private Optional<HttpServer> server = Optional.empty();
    private boolean closed;

    HttpEndpoint(final Optional<Http> http, final SwitchControl control) {
        this.http = http;
        this.control = control;
    }

    /**
     * Opens the port. Does nothing if none is configured, or this endpoint is closed.
     *
     * @throws ApiException if the port cannot be opened
     */
    synchronized void open() {
        if (!closed && server.isEmpty()) {
            server = http.map(place -> HttpServer.start(place, control));
        }
    }

    /** Logs the address, if the port is open. */
    synchronized void log() {
        if (server.isPresent()) {
            http.ifPresent(place -> LOG.info("HTTP on http://{}", place.place()));
        }
    }

    /** Opens the port on a thread of its own, as soon as another process has closed it. */
    void openSoon() {
        if (http.isPresent()) {
            Thread.ofVirtual().name("rb-http-open").start(this::openWhenFree);
        }
    }

    private void openWhenFree() {
        final long end = System.nanoTime() + PATIENCE.toNanos();
        while (true) {
            try {
                open();
                log();
                return;
            } catch (final ApiException e) {
                if (System.nanoTime() - end > 0) {
                    LOG.error("{}", e.getMessage());
                    return;
                }
            }
            try {
                Thread.sleep(PAUSE); // the old process closes the port without a sign that this one could wait for
            } catch (InterruptedException _) {
                return;
            }
        }
    }

    /** Closes the port for another process. Connections stay open: an answer may be outstanding. */
    synchronized void release() {
        server.ifPresent(HttpServer::release);
    }

    @Override
    public synchronized void close() {
        closed = true;
        server.ifPresent(HttpServer::close);
        server = Optional.empty();
    }
}
