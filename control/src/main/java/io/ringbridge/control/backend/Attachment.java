package io.ringbridge.control.backend;

import io.ringbridge.control.backend.ring.Relay;
import io.ringbridge.control.event.PortEvents;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.trace.MessageTrace;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.control.transport.TransportException;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.SuspendCause;
import org.jspecify.annotations.Nullable;

import java.util.Optional;
import java.util.concurrent.Semaphore;

/**
 * The sockets that a back-end starts with: new ones, or those that another process handed over. The back-end owns them.
 *
 * @param listener where front-ends connect; null if the back-end connects, or serves an inherited socket
 * @param connection the connection served first: an inherited socket, or that of the session; null if there is none
 * @param session the restored session, not begun; null if there is none
 * @param relays the permits of the port's relays
 * @param trace receives the messages of all sessions of the port
 */
record Attachment(@Nullable Listener listener, @Nullable Connection connection, @Nullable Session session,
                  Semaphore relays, MessageTrace trace) {
    private Attachment(final @Nullable Listener listener, final @Nullable Connection connection) {
        this(listener, connection, null, Relay.permits(), new MessageTrace());
    }

    /**
     * Opens the socket.
     *
     * @throws TransportException if the socket cannot be opened
     */
    static Attachment open(final BackendOptions options) {
        return switch (options.mode()) {
            case SERVER -> new Attachment(Listener.open(options.path(), options.access()), null);
            case CLIENT -> {
                Connection.checkPath(options.path());
                yield new Attachment(null, null);
            }
            case DESCRIPTOR -> new Attachment(null, Connection.adopt(options.descriptor()));
        };
    }

    /**
     * Adopts the sockets and the session that another process has saved. Writes nothing to memory that the two share.
     *
     * @param port a new, suspended port
     * @throws RuntimeException if the state does not fit; everything adopted so far is relinquished
     */
    static Attachment adopt(final GuestPort port, final BackendOptions options, final PortEvents events,
                            final StateReader in) {
        final Sections saved =
            in.sections(HandOverSections.LISTENER, HandOverSections.GUEST_PORT, HandOverSections.SESSION);
        Attachment adopted = new Attachment(listener(options, saved.find(HandOverSections.LISTENER)), null);
        try {
            if (saved.get(HandOverSections.GUEST_PORT).flag()) {
                port.suspend(SuspendCause.OPERATOR);
            }
            final Optional<StateReader> ofSession = saved.find(HandOverSections.SESSION);
            if (ofSession.isPresent()) {
                final Sections sections = Session.sections(ofSession.get());
                adopted = adopted.over(connection(sections.get(HandOverSections.CONNECTION).descriptor()));
                adopted = adopted.serving(port, options, events);
                adopted.restore(sections);
                Memory.surfaceFault();
            }
            return adopted;
        } catch (final RuntimeException e) {
            relinquish(adopted.listener, adopted.connection, adopted.session);
            throw e;
        } catch (final InternalError e) {
            relinquish(adopted.listener, adopted.connection, adopted.session);
            throw new HandOverException("port " + port.name() + ": the front-end has truncated its memory", e);
        }
    }

    private static @Nullable Listener listener(final BackendOptions options, final Optional<StateReader> saved) {
        if (saved.isPresent() != (options.mode() == BackendOptions.Mode.SERVER)) {
            throw new HandOverException("a port cannot change to or from mode server in a hand-over");
        }
        return saved.map(in -> {
            final long inode = in.wide();
            return Listener.adopt(options.path(), in.descriptor(), inode);
        }).orElse(null);
    }

    private static Connection connection(final int fd) {
        try {
            return Connection.adopt(fd);
        } catch (final TransportException e) {
            Fd.close(fd);
            throw e;
        }
    }

    private Attachment over(final Connection first) {
        return new Attachment(listener, first, null, relays, trace);
    }

    private Attachment serving(final GuestPort port, final BackendOptions options, final PortEvents events) {
        assert connection != null : "a session has a connection";
        return new Attachment(listener, connection, new Session(port, options, events, relays, trace, connection),
            relays, trace);
    }

    private void restore(final Sections sections) {
        assert session != null : "the session was created before";
        session.restore(sections);
    }

    /** Gives up everything in this process, because the other process owns it. */
    static void relinquish(final @Nullable Listener listener, final @Nullable Connection connection,
                           final @Nullable Session session) {
        if (session != null) {
            session.relinquish();
        } else if (connection != null) {
            connection.relinquish();
        }
        if (listener != null) {
            listener.relinquish();
        }
    }
}
