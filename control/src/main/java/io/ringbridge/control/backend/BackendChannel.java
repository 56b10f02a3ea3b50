package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.control.transport.TransportException;
import io.ringbridge.datapath.os.Epoll;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.LongConsumer;

/**
 * The socket for the back-end's own requests (vhost-user, "Back-end message types").
 *
 * <p>A thread of its own, which exists from the first request on, sends one at a time, and waits for the acknowledgement where those are
 * negotiated. So a front-end that does not read, or does not answer, makes nobody wait but this thread. What is asked again while it
 * waits to be sent is sent once, which bounds what waits.
 *
 * <p>Any thread may {@link #post}; a worker signals an {@link #event} instead. {@link #close} is for the session.
 */
final class BackendChannel implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BackendChannel.class);
    private static final int REPLY_FLAGS = Header.VERSION | Header.REPLY;
    /** More than a front-end that reads ever lets wait, however many rings it has. */
    private static final int MOST_WAITING = 1024;

    private final Connection connection;
    private final boolean acknowledged;
    private final String name;
    private final Set<Outgoing> waiting = new LinkedHashSet<>();
    private final Map<Source, EventFd> events = new HashMap<>();
    private Epoll epoll;
    private EventFd wake;
    private Thread thread;
    private volatile boolean over;

    /**
     * A request that is to be sent; equal ones are one.
     *
     * @param answer told what the front-end acknowledges with, where that is negotiated, on the channel's thread; null where a refusal goes
     *     to the log
     */
    record Outgoing(BackendRequest request, ByteBuffer payload, LongConsumer answer) {
        /** A request whose answer is wanted. */
        Outgoing(final BackendRequest request, final byte[] payload, final LongConsumer answer) {
            this(request, ByteBuffer.wrap(payload), answer);
        }
    }

    /** Says what is to be sent when its event is signalled; null for nothing. On the channel's thread. */
    @FunctionalInterface
    interface Source {
        Outgoing next();
    }

    /** The same whenever it is signalled. */
    private record Notice(Outgoing next) implements Source { }

    private BackendChannel(final Connection connection, final boolean acknowledged, final String name) {
        this.connection = connection;
        this.acknowledged = acknowledged;
        this.name = name;
    }

    /**
     * Takes over the socket that SET_BACKEND_REQ_FD brings.
     *
     * @param fd closed when it is refused
     * @param acknowledged whether the front-end acknowledges requests when asked to
     * @param name the port's, for the log
     */
    static BackendChannel over(final int fd, final boolean acknowledged, final String name) {
        try {
            return new BackendChannel(Connection.adopt(fd), acknowledged, name);
        } catch (final TransportException e) {
            Fd.close(fd);
            throw ProtocolException.refused(e.getMessage());
        }
    }

    /** Sends a request when its turn comes; dropped where the front-end has closed the socket, or lets too many wait. */
    void post(final BackendRequest request, final byte[] payload) {
        post(new Outgoing(request, payload, null));
    }

    /** The same with an answer. */
    synchronized void post(final Outgoing outgoing) {
        if (!over && waiting.size() < MOST_WAITING) {
            begin();
            waiting.add(outgoing);
            wake.signal();
        }
    }

    /** An event that sends a request about a ring whenever it is signalled; closed with this. */
    EventFd event(final BackendRequest request, final int vring) {
        return event(new Notice(new Outgoing(request, Codec.vringState(vring, 0), null)));
    }

    /** An event that sends what its source says; closed with this. */
    synchronized EventFd event(final Source source) {
        begin();
        return events.computeIfAbsent(source, _ -> {
            final EventFd event = EventFd.create();
            epoll.add(event);
            return event;
        });
    }

    private void begin() {
        if (thread == null) {
            epoll = Epoll.create();
            wake = EventFd.create();
            epoll.add(wake);
            thread = Thread.ofPlatform().daemon().name("rb-requests-" + name).start(this::run);
        }
    }

    private void run() {
        try {
            while (!over) {
                epoll.await(-1);
                wake.drain();
                for (Outgoing next = next(); next != null && !over; next = next()) {
                    send(next);
                }
            }
        } catch (final IOException | ProtocolException e) {
            if (!over) {
                LOG.info("port {}: no more requests to the front-end: {}", name, e.getMessage());
            }
            over = true;
            connection.shutdown();
        }
    }

    private synchronized Outgoing next() {
        if (waiting.isEmpty()) { // what is signalled in the meantime stays so: one request a source waits, and no more
            events.forEach((source, event) -> {
                final Outgoing outgoing = event.drain() ? source.next() : null;
                if (outgoing != null) {
                    waiting.add(outgoing);
                }
            });
        }
        if (waiting.isEmpty()) {
            return null;
        }
        final Outgoing first = waiting.iterator().next();
        waiting.remove(first);
        return first;
    }

    private void send(final Outgoing outgoing) throws IOException {
        final BackendRequest request = outgoing.request;
        LOG.debug("port {}: sends {}", name, request);
        final byte[] payload = new byte[outgoing.payload.remaining()];
        outgoing.payload.duplicate().get(payload);
        connection.send(request.id(), acknowledged ? Header.VERSION | Header.NEED_REPLY : Header.VERSION, payload);
        if (!acknowledged) {
            return;
        }
        try (Packet reply = connection.receive(() -> { })) {
            if (reply == null) {
                throw new IOException("the front-end has closed the socket");
            }
            if (reply.header().request() != request.id() || reply.header().flags() != REPLY_FLAGS) {
                throw ProtocolException.fatal("the front-end replies to " + request + " with " + reply.header());
            }
            final long result = Codec.number(reply.payload());
            if (outgoing.answer != null) {
                outgoing.answer.accept(result);
            } else if (result != 0) {
                LOG.warn("port {}: the front-end refuses {} with {}", name, request, result);
            }
        }
    }

    /** Ends the thread and closes the socket. Nobody may hold an event any more. */
    @Override
    public void close() {
        final Thread sender;
        synchronized (this) {
            over = true;
            sender = thread;
        }
        connection.shutdown();
        if (sender != null) {
            wake.signal();
            join(sender);
            events.values().forEach(EventFd::close);
            epoll.close();
            wake.close();
        }
        connection.close();
    }

    private static void join(final Thread thread) {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (final InterruptedException e) {
                interrupted = true; // what the thread uses may not be closed before it has ended
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
