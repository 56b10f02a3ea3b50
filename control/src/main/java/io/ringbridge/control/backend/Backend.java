package io.ringbridge.control.backend;

import io.ringbridge.control.Link;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.SavedCounters;
import io.ringbridge.control.handover.Standstill;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.control.transport.TransportException;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.SuspendCause;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.util.concurrent.Semaphore;

/**
 * The vhost-user back-end of one guest port: serves one front-end after another, on a thread of its own.
 *
 * <p>While one is attached, others wait in the socket's backlog. {@link #close} is for any thread.
 *
 * <p>In a process that takes it over it is {@linkplain #adopt adopted}.
 */
public final class Backend implements Link {
    private static final Logger LOG = LoggerFactory.getLogger(Backend.class);
    private static final int RECONNECT_MILLIS = 1000;
    /** How much longer than for a front-end to wait for this process itself, which may be short of time. */
    private static final int BUSY = 5;

    private final GuestPort port;
    private final BackendOptions options;
    private final Presence presence;
    private final Listener listener;
    /** What is served before anybody else: an inherited socket, or one whose session another process has begun. */
    private final Connection first;
    private final Thread thread;
    private final Standstill standstill = new Standstill();
    private final Semaphore relays;
    /** Whether what was taken over cannot be gone on with. */
    private boolean lost;
    /** Why there is no connection, as far as is known; null once there is one. */
    private volatile String connectError;
    private Connection current;
    private Session session;

    private Backend(final GuestPort port, final BackendOptions options, final Presence presence, final Listener listener,
                    final Connection first) {
        this(port, options, presence, listener, first, Relay.permits());
    }

    private Backend(final GuestPort port, final BackendOptions options, final Presence presence, final Listener listener,
                    final Connection first, final Semaphore relays) {
        this.port = port;
        this.options = options;
        this.presence = presence;
        this.listener = listener;
        this.first = first;
        this.relays = relays;
        thread = Thread.ofPlatform().daemon().name("rb-session-" + port.name()).unstarted(this::run);
    }

    /**
     * Opens the socket, and starts to serve.
     *
     * @param port has to be detached, and commanded by nobody else
     * @throws TransportException when the socket cannot be opened
     */
    public static Backend start(final GuestPort port, final BackendOptions options) {
        final Backend backend = open(port, options, Presence.UNHEARD);
        backend.serve();
        return backend;
    }

    /** Opens the socket as {@link #start} does; who connects waits until {@link #serve}. */
    public static Backend open(final GuestPort port, final BackendOptions options, final Presence presence) {
        return switch (options.mode()) {
            case SERVER -> new Backend(port, options, presence, Listener.open(options.socket(), options.permissions()), null);
            case CLIENT -> {
                Connection.checkPath(options.socket());
                yield new Backend(port, options, presence, null, null);
            }
            case DESCRIPTOR -> new Backend(port, options, presence, null, Connection.adopt(options.descriptor()));
        };
    }

    private void run() {
        try {
            if (first != null) {
                serve(first);
            }
            while (options.mode() != BackendOptions.Mode.DESCRIPTOR && standstill.isOpen()) {
                if (standstill.isAsked()) {
                    standstill.stand();
                } else if (listener != null) {
                    serve(accept());
                } else {
                    serve(connect());
                    standstill.pause(RECONNECT_MILLIS);
                }
            }
        } catch (final InterruptedException e) {
            LOG.error("port {}: interrupted; socket {} is given up", port.name(), options.socket());
        } finally {
            closeListener();
        }
    }

    private void closeListener() {
        if (listener != null && standstill.isLeft()) {
            listener.letGo();
        } else if (listener != null) {
            listener.close();
        }
    }

    private Connection accept() throws InterruptedException {
        try {
            return listener.accept();
        } catch (final IOException e) {
            LOG.warn("port {}: socket {} accepts nobody: {}", port.name(), options.socket(), e.getMessage());
            standstill.pause(RECONNECT_MILLIS);
            return null;
        }
    }

    private Connection connect() {
        try {
            final Connection connection = Connection.connect(options.socket());
            connectError = null;
            return connection;
        } catch (final IOException e) {
            connectError = e.getMessage();
            LOG.debug("port {}: {}: {}", port.name(), options.socket(), e.getMessage());
            return null;
        }
    }

    private void serve(final Connection connection) {
        if (connection == null) {
            return;
        }
        try {
            final Session serving;
            synchronized (this) {
                serving = session != null ? session : new Session(port, options, presence, relays, connection);
                session = serving;
                current = connection;
            }
            if (standstill.isOpen()) {
                serving.run(standstill);
            }
        } catch (final RuntimeException | InternalError e) { // the latter where a guest has cut its memory
            LOG.error("port {}: the end of a session failed: {}", port.name(), e.toString());
            LOG.debug("port {}: the end of a session failed", port.name(), e);
        } finally {
            synchronized (this) {
                current = null;
                session = null;
            }
            connection.close();
        }
    }

    /** Whether front-ends connect to it, and not the other way round. */
    public boolean isListening() {
        return listener != null;
    }

    /**
     * Returns why the front-end's socket could not be connected to the last time; null if it could, or was not tried.
     */
    public String connectError() {
        return connectError;
    }

    /** Whether it still serves, or will again: an inherited socket ends once, the others only with {@link #close}. */
    public boolean isAlive() {
        return thread.isAlive();
    }

    @Override
    public void awaitEnd() throws InterruptedException {
        thread.join();
    }

    @Override
    public void ask() {
        standstill.ask();
    }

    /** A front-end that leaves a message half sent for all the time that it is given loses its connection. */
    @Override
    public void awaitStandstill(final long limitMillis) {
        try {
            if (standstill.await(limitMillis)) {
                return;
            }
            endWhatIsHalfway();
            if (!standstill.await(BUSY * limitMillis)) {
                throw new HandOverException("port " + port.name() + ": its session does not come to rest");
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HandOverException("interrupted", e);
        }
    }

    /** A connection that is about to end is left out. */
    @Override
    public void save(final StateWriter out) {
        out.flag(listener != null);
        if (listener != null) {
            out.wide(listener.inode()).descriptor(listener.descriptor());
        }
        out.flag(port.suspendedBy().contains(SuspendCause.OPERATOR));
        synchronized (this) {
            final boolean attached = session != null && port.failure() == null;
            out.flag(attached);
            if (attached) {
                out.descriptor(current.descriptor());
                session.save(out);
            }
        }
    }

    @Override
    public void hold() {
        // It has no thread that moves frames.
    }

    @Override
    public void savePositions(final StateWriter out) {
        SavedCounters.save(port, out);
        synchronized (this) {
            final boolean attached = session != null && port.failure() == null;
            out.flag(attached);
            if (attached) {
                session.handedRings().savePositions(out);
            }
        }
    }

    @Override
    public void goOn() {
        standstill.goOn();
    }

    /**
     * Takes over what another process has {@linkplain #save saved}. Nothing is written to what the two share.
     *
     * @param port has to be new, and suspended
     * @throws RuntimeException when the state does not fit; all that was taken over is let go
     */
    public static Backend adopt(final GuestPort port, final BackendOptions options, final Presence presence, final StateReader in) {
        final Listener listener = listener(options, in);
        final Semaphore relays = Relay.permits();
        Connection connection = null;
        Session session = null;
        try {
            if (in.flag()) {
                port.suspend(SuspendCause.OPERATOR);
            }
            if (in.flag()) {
                connection = adopt(in.descriptor());
                session = new Session(port, options, presence, relays, connection);
                session.restore(in);
                Memory.surfaceFault();
            }
            in.end();
        } catch (final RuntimeException e) {
            letGo(listener, connection, session);
            throw e;
        } catch (final InternalError e) {
            letGo(listener, connection, session);
            throw new HandOverException("port " + port.name() + ": its front-end has cut memory that was handed over", e);
        }
        final Backend backend = new Backend(port, options, presence, listener, connection, relays);
        backend.current = connection;
        backend.session = session;
        return backend;
    }

    private static Listener listener(final BackendOptions options, final StateReader in) {
        if (in.flag() != (options.mode() == BackendOptions.Mode.SERVER)) {
            throw new HandOverException("only a port in mode server has a socket that is listened on");
        }
        if (options.mode() != BackendOptions.Mode.SERVER) {
            return null;
        }
        final long inode = in.wide();
        return Listener.adopt(options.socket(), in.descriptor(), inode);
    }

    private static Connection adopt(final int fd) {
        try {
            return Connection.adopt(fd);
        } catch (final TransportException e) {
            Fd.close(fd);
            throw e;
        }
    }

    private static void letGo(final Listener listener, final Connection connection, final Session session) {
        if (session != null) {
            session.letGo();
        } else if (connection != null) {
            connection.letGo();
        }
        if (listener != null) {
            listener.letGo();
        }
    }

    @Override
    public void restorePositions(final StateReader in) {
        SavedCounters.restore(port, in);
        final boolean attached = in.flag();
        if (attached && session == null) {
            throw new HandOverException("there are positions of rings, and no session");
        }
        if (session == null) {
            return;
        }
        lost = !attached;
        if (attached) {
            session.handedRings().restorePositions(in);
        } else {
            session.handedRings().forget();
        }
    }

    @Override
    public void begin() {
        if (lost) {
            LOG.warn("port {}: the front-end's memory was cut; its connection ends", port.name());
            first.shutdown(); // not before: until now the other process could have gone on with it
        }
        if (session != null) {
            beginSession();
        }
    }

    /** What cannot go on is ended as by its front-end, which may come again. */
    private void beginSession() {
        try {
            session.begin();
            Memory.surfaceFault();
        } catch (final RuntimeException | InternalError e) { // the latter where a guest has cut its memory
            LOG.error("port {}: its session cannot go on, and ends: {}", port.name(), e.toString());
            LOG.debug("port {}: its session cannot go on", port.name(), e);
            first.shutdown();
        }
    }

    @Override
    public void serve() {
        if (thread.getState() == Thread.State.NEW) {
            thread.start();
        }
    }

    /** Nothing is sent, and no file removed. */
    @Override
    public void letGo() {
        standstill.leave();
        if (thread.getState() == Thread.State.NEW) {
            letGo(listener, first, session);
        } else {
            join();
        }
    }

    private synchronized void endWhatIsHalfway() {
        if (current != null && current.isHalfway()) {
            LOG.warn("port {}: the front-end is in the middle of a message; its connection is given up", port.name());
            current.shutdown();
        }
    }

    private synchronized void shutdown() {
        if (current != null) {
            current.shutdown();
        }
    }

    /** Ends the conversation at once, detaches the port, and removes the socket file. */
    @Override
    public void close() {
        if (standstill.isLeft()) {
            return;
        }
        standstill.end();
        shutdown();
        if (Thread.currentThread().equals(thread)) {
            return;
        }
        if (thread.getState() == Thread.State.NEW) {
            closeListener();
        }
        if (listener != null && thread.isAlive()) {
            listener.wake();
        }
        join();
    }

    private void join() {
        try {
            thread.join();
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
