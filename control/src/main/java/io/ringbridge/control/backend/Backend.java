package io.ringbridge.control.backend;

import io.ringbridge.control.Link;
import io.ringbridge.control.event.Events;
import io.ringbridge.control.event.PortEvents;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.PausePoint;
import io.ringbridge.control.handover.SavedCounters;
import io.ringbridge.control.handover.SavedInterruptions;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.trace.MessageTrace;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.control.transport.TransportException;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.SuspendCause;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.Semaphore;

/**
 * The vhost-user back-end of one guest port. It serves one front-end after another, on a thread of its own.
 *
 * <p>While one front-end is attached, others wait in the socket's backlog. Any thread may {@link #close} the back-end.
 * In a hand-over, the new process {@linkplain #adopt adopts} it.
 */
public final class Backend implements Link {
    private static final Logger LOG = LoggerFactory.getLogger(Backend.class);
    private static final int RECONNECT_MILLIS = 1000;
    /** The factor by which to wait longer for this process, which may be short of CPU time, than for a front-end. */
    private static final int BUSY = 5;

    private final GuestPort port;
    /** The options of the next session. Their socket never changes. */
    private volatile BackendOptions options;
    private final PortEvents events;
    private final @Nullable Listener listener;
    /** The connection served first: an inherited socket, or one whose session another process has started. */
    private final @Nullable Connection first;
    private final Thread thread;
    private final PausePoint pausePoint = new PausePoint();
    private final Semaphore relays;
    private final MessageTrace trace;
    /** Whether the restored session cannot continue. */
    private boolean lost;
    /** The last error of connecting; null if there was none, or once there is a connection. */
    private volatile @Nullable String connectError;
    private @Nullable Connection current;
    private @Nullable Session session;
    /** The number of queue pairs from the next session on. Guarded by {@code this}. */
    private int nextPairs;

    private Backend(final GuestPort port, final BackendOptions options, final PortEvents events,
                    final Attachment attachment) {
        this.port = port;
        this.options = options;
        this.events = events;
        listener = attachment.listener();
        first = attachment.connection();
        relays = attachment.relays();
        trace = attachment.trace();
        session = attachment.session();
        current = session == null ? null : first;
        nextPairs = port.queuePairs();
        thread = Thread.ofPlatform().daemon().name("rb-session-" + port.name()).unstarted(this::run);
    }

    /**
     * Opens the socket, and starts to serve.
     *
     * @param port a detached port that nobody else commands
     * @throws TransportException if the socket cannot be opened
     */
    public static Backend open(final GuestPort port, final BackendOptions options) {
        final Backend backend = open(port, options, new Events().of(port.name()));
        backend.serve();
        return backend;
    }

    /**
     * Opens the socket as {@link #open} does. A front-end that connects waits until {@link #serve}.
     *
     * @param events reports the events of the port
     */
    public static Backend open(final GuestPort port, final BackendOptions options, final PortEvents events) {
        return new Backend(port, options, events, Attachment.open(options));
    }

    private void run() {
        try {
            serve(first);
            while (options.mode() != BackendOptions.Mode.DESCRIPTOR && pausePoint.isOpen()) {
                if (pausePoint.isRequested()) {
                    pausePoint.pauseIfRequested();
                } else if (listener != null) {
                    serve(accept(listener));
                } else {
                    serve(connect());
                    pausePoint.sleep(RECONNECT_MILLIS);
                }
            }
        } catch (final InterruptedException e) {
            LOG.error("port {}: interrupted; closing socket {}", port.name(), options.socket());
        } finally {
            closeListener();
        }
    }

    private void closeListener() {
        if (listener != null && pausePoint.isRelinquished()) {
            listener.relinquish();
        } else if (listener != null) {
            listener.close();
        }
    }

    private @Nullable Connection accept(final Listener from) throws InterruptedException {
        try {
            return from.accept();
        } catch (final IOException e) {
            LOG.warn("port {}: cannot accept on socket {}: {}", port.name(), options.socket(), e.getMessage());
            pausePoint.sleep(RECONNECT_MILLIS);
            return null;
        }
    }

    private @Nullable Connection connect() {
        try {
            final Connection connection = Connection.connect(options.path());
            connectError = null;
            return connection;
        } catch (final IOException e) {
            connectError = e.getMessage();
            LOG.debug("port {}: {}: {}", port.name(), options.socket(), e.getMessage());
            return null;
        }
    }

    private void serve(final @Nullable Connection connection) {
        if (connection == null) {
            return;
        }
        try {
            final Session serving;
            synchronized (this) {
                serving = session != null ? session : newSession(connection);
                session = serving;
                current = connection;
            }
            if (pausePoint.isOpen()) {
                serving.run(pausePoint);
            }
        } catch (final RuntimeException | InternalError e) { // InternalError if a guest has truncated its memory
            LOG.error("port {}: cannot end a session cleanly: {}", port.name(), e.toString());
            LOG.debug("port {}: cannot end a session cleanly", port.name(), e);
        } finally {
            synchronized (this) {
                current = null;
                session = null;
            }
            connection.close();
        }
    }

    private Session newSession(final Connection connection) {
        if (nextPairs != port.queuePairs()) {
            port.resize(nextPairs);
        }
        return new Session(port, options, events, relays, trace, connection);
    }

    /**
     * Changes what the back-end offers. A front-end that is attached keeps what it has negotiated.
     *
     * @param newOptions with the same socket
     * @param queuePairs the number of queue pairs of the port
     * @return false if a front-end is attached, so that the change takes effect for the next one
     */
    public synchronized boolean offer(final BackendOptions newOptions, final int queuePairs) {
        options = newOptions;
        nextPairs = queuePairs;
        if (session == null) {
            port.resize(queuePairs);
        }
        return session == null;
    }

    /** Returns the last messages of the port's sessions, the present one included. */
    public MessageTrace trace() {
        return trace;
    }

    /** Whether front-ends connect to the back-end, rather than the reverse. */
    public boolean isListening() {
        return listener != null;
    }

    /**
     * Returns the error of the last attempt to connect to the front-end; null if it succeeded, or if there was none.
     */
    public @Nullable String connectError() {
        return connectError;
    }

    /** Returns a description of the attached front-end, for display; null if none is attached. */
    public synchronized @Nullable String peer() {
        return current == null ? null : current.peer().toString();
    }

    /** Returns the protocol features that the attached front-end has negotiated; 0 if none is attached. */
    public synchronized long protocolFeatures() {
        return session == null ? 0 : session.protocolFeatures();
    }

    /**
     * Whether the back-end still serves. One with an inherited socket ends with it, others only with {@link #close}.
     */
    public boolean isAlive() {
        return thread.isAlive();
    }

    @Override
    public void awaitEnd() throws InterruptedException {
        thread.join();
    }

    @Override
    public void requestPause() {
        pausePoint.request();
    }

    /** Ends the connection of a front-end that leaves a message half sent for the whole limit. */
    @Override
    public void awaitPaused(final long limitMillis) {
        try {
            if (pausePoint.awaitPaused(limitMillis)) {
                return;
            }
            endHalfway();
            if (!pausePoint.awaitPaused(BUSY * limitMillis)) {
                throw new HandOverException("port " + port.name() + ": its session did not pause within "
                    + (1 + BUSY) * limitMillis + " ms");
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HandOverException("port " + port.name() + ": interrupted while its session pauses", e);
        }
    }

    /** Omits a connection that is about to end. */
    @Override
    public void saveState(final StateWriter out) {
        if (listener != null) {
            out.section(HandOverSections.LISTENER,
                section -> section.wide(listener.inode()).descriptor(listener.descriptor()));
        }
        out.section(HandOverSections.GUEST_PORT,
            section -> section.flag(port.suspendedBy().contains(SuspendCause.OPERATOR)));
        synchronized (this) {
            if (session != null && port.failure() == null) {
                out.section(HandOverSections.SESSION, session::save);
            }
        }
    }

    @Override
    public void park() {
        // There are no other threads to park: the workers move the frames.
    }

    @Override
    public void savePositions(final StateWriter out) {
        SavedCounters.save(port, out);
        SavedInterruptions.save(port, out);
        synchronized (this) {
            if (session != null && port.failure() == null) {
                out.section(HandOverSections.RING_POSITIONS, session.handedRings()::savePositions);
            }
        }
    }

    @Override
    public void resume() {
        pausePoint.resume();
    }

    /**
     * Restores a back-end that another process has {@linkplain #saveState saved}. Writes nothing to memory that the two
     * share.
     *
     * @param port a new, suspended port
     * @throws RuntimeException if the state does not fit; everything adopted so far is relinquished
     */
    public static Backend adopt(final GuestPort port, final BackendOptions options, final PortEvents events,
                                final StateReader in) {
        return new Backend(port, options, events, Attachment.adopt(port, options, events, in));
    }

    @Override
    public void restorePositions(final StateReader in) {
        final Sections saved =
            in.sections(HandOverSections.COUNTERS, HandOverSections.INTERRUPTIONS, HandOverSections.RING_POSITIONS);
        SavedCounters.restore(port, saved);
        SavedInterruptions.restore(port, saved);
        final Optional<StateReader> positions = saved.find(HandOverSections.RING_POSITIONS);
        if (positions.isPresent() && session == null) {
            throw new HandOverException("the state has positions of rings, but no session");
        }
        if (session == null) {
            return;
        }
        lost = positions.isEmpty();
        if (positions.isPresent()) {
            session.handedRings().restorePositions(positions.get());
        } else {
            session.handedRings().abandon();
        }
    }

    @Override
    public void start() {
        if (lost) {
            LOG.warn("port {}: the front-end has truncated its memory; closing its connection", port.name());
            shutdown(); // not earlier: until now the other process could have resumed it
        }
        if (session != null) {
            begin(session);
        }
    }

    /** Begins the session. Ends its connection if that fails, so that the front-end may connect again. */
    private void begin(final Session restored) {
        try {
            restored.begin();
            Memory.surfaceFault();
        } catch (final RuntimeException | InternalError e) { // InternalError if a guest has truncated its memory
            LOG.error("port {}: cannot resume its session; closing the connection: {}", port.name(), e.toString());
            LOG.debug("port {}: cannot resume its session", port.name(), e);
            shutdown();
        }
    }

    @Override
    public void serve() {
        if (thread.getState() == Thread.State.NEW) {
            thread.start();
        }
    }

    /** Sends nothing to the front-end, and removes no file. */
    @Override
    public void relinquish() {
        pausePoint.relinquish();
        if (thread.getState() == Thread.State.NEW) {
            Attachment.relinquish(listener, first, session);
        } else {
            join();
        }
    }

    private synchronized void endHalfway() {
        if (current != null && current.isHalfway()) {
            LOG.warn("port {}: the front-end does not complete its message; closing its connection", port.name());
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
        if (pausePoint.isRelinquished()) {
            return;
        }
        pausePoint.end();
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
