package io.ringbridge.control.backend;

import io.ringbridge.control.Link;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.control.transport.TransportException;
import io.ringbridge.datapath.port.GuestPort;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The vhost-user back-end of one guest port: serves one front-end after another, on a thread of its own.
 *
 * <p>While one is attached, others wait in the socket's backlog. {@link #close} is for any thread.
 */
public final class Backend implements Link {
    private static final Logger LOG = LoggerFactory.getLogger(Backend.class);
    private static final int RECONNECT_MILLIS = 1000;

    private final GuestPort port;
    private final BackendOptions options;
    private final Listener listener;
    private final Connection inherited;
    private final Thread thread;
    private final CountDownLatch closing = new CountDownLatch(1);
    private Connection current;

    private Backend(final GuestPort port, final BackendOptions options, final Listener listener, final Connection inherited) {
        this.port = port;
        this.options = options;
        this.listener = listener;
        this.inherited = inherited;
        thread = Thread.ofPlatform().daemon().name("rb-session-" + port.name()).unstarted(this::run);
    }

    /**
     * Opens the socket, and starts to serve.
     *
     * @param port has to be detached, and commanded by nobody else
     * @throws TransportException when the socket cannot be opened
     */
    public static Backend start(final GuestPort port, final BackendOptions options) {
        final Backend backend = switch (options.mode()) {
            case SERVER -> new Backend(port, options, Listener.open(options.socket(), options.permissions()), null);
            case CLIENT -> {
                Connection.checkPath(options.socket());
                yield new Backend(port, options, null, null);
            }
            case DESCRIPTOR -> new Backend(port, options, null, Connection.adopt(options.descriptor()));
        };
        backend.thread.start();
        return backend;
    }

    private void run() {
        try {
            if (listener != null) {
                while (isOpen()) {
                    serve(accept());
                }
            } else if (inherited != null) {
                serve(inherited);
            } else {
                do {
                    serve(connect());
                } while (!closing.await(RECONNECT_MILLIS, TimeUnit.MILLISECONDS));
            }
        } catch (final InterruptedException e) {
            LOG.error("port {}: interrupted; socket {} is given up", port.name(), options.socket());
        } finally {
            if (listener != null) {
                listener.close();
            }
        }
    }

    private Connection accept() throws InterruptedException {
        try {
            return listener.accept();
        } catch (final IOException e) {
            LOG.warn("port {}: socket {} accepts nobody: {}", port.name(), options.socket(), e.getMessage());
            closing.await(RECONNECT_MILLIS, TimeUnit.MILLISECONDS);
            return null;
        }
    }

    private Connection connect() {
        try {
            return Connection.connect(options.socket());
        } catch (final IOException e) {
            LOG.debug("port {}: {}: {}", port.name(), options.socket(), e.getMessage());
            return null;
        }
    }

    private void serve(final Connection connection) {
        if (connection == null) {
            return;
        }
        try {
            synchronized (this) {
                current = connection;
            }
            if (isOpen()) {
                new Session(port, options, connection).run();
            }
        } catch (final RuntimeException e) {
            LOG.error("port {}: the end of a session failed: {}", port.name(), e.toString());
            LOG.debug("port {}: the end of a session failed", port.name(), e);
        } finally {
            synchronized (this) {
                current = null;
            }
            connection.close();
        }
    }

    private boolean isOpen() {
        return closing.getCount() != 0;
    }

    /** Whether it still serves, or will again: an inherited socket ends once, the others only with {@link #close}. */
    public boolean isAlive() {
        return thread.isAlive();
    }

    @Override
    public void awaitEnd() throws InterruptedException {
        thread.join();
    }

    /** Ends the conversation at once, detaches the port, and removes the socket file. */
    @Override
    public void close() {
        closing.countDown();
        synchronized (this) {
            if (current != null) {
                current.shutdown();
            }
        }
        if (Thread.currentThread().equals(thread)) {
            return;
        }
        if (listener != null && thread.isAlive()) {
            listener.wake();
        }
        try {
            thread.join();
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
