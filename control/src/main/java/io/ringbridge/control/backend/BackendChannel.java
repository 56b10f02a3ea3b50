package io.ringbridge.control.backend;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
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
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.SequencedSet;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongConsumer;

/**
 * The socket for the back-end's own requests (vhost-user, "Back-end message types").
 *
 * <p>A thread of its own, started with the first request, sends one request at a time. It waits for the acknowledgement
 * if acknowledgements are negotiated. A front-end that does not read or reply therefore blocks only this thread. Equal
 * requests that wait to be sent are sent once, which bounds the queue. While the front-end is silenced, the thread
 * reads acknowledgements but sends nothing.
 *
 * <p>Any thread may {@link #post}; a worker signals an {@link #event} instead. Only the session calls {@link #close}.
 */
final class BackendChannel implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BackendChannel.class);
    private static final int REPLY_FLAGS = Header.VERSION | Header.REPLY;
    /** More requests than ever wait for a front-end that reads, however many rings it has. */
    private static final int MAX_WAITING = 1024;
    /**
     * The longest time to finish a message that is half sent or half received, when the channel pauses or is silenced.
     */
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private final Connection connection;
    private final boolean acknowledged;
    private final String name;
    private final BooleanSupplier silenced;
    private final SequencedSet<Outgoing> waiting = new LinkedHashSet<>();
    private final Map<Source, EventFd> events = new HashMap<>();
    private Epoll epoll;
    private EventFd wake;
    private Thread thread;
    private volatile boolean over;
    private volatile boolean paused;
    /** The request that was sent but not acknowledged. */
    private Outgoing unanswered;
    private boolean sending;

    /**
     * A request to send. Equal requests are sent once.
     *
     * @param answer receives the result from the front-end's acknowledgement, if those are negotiated, on the channel's
     *     thread; null to log a refusal
     */
    record Outgoing(BackendRequest request, ByteBuffer payload, LongConsumer answer) {
        Outgoing(final BackendRequest request, final byte[] payload, final LongConsumer answer) {
            this(request, ByteBuffer.wrap(payload), answer);
        }

        byte[] bytes() {
            final byte[] bytes = new byte[payload.remaining()];
            payload.duplicate().get(bytes);
            return bytes;
        }

        void save(final StateWriter out) {
            out.number(request.id()).bytes(bytes());
        }

        static Outgoing restore(final StateReader in) {
            final int id = in.number();
            final BackendRequest request = Arrays.stream(BackendRequest.values())
                .filter(each -> each.id() == id)
                .findFirst()
                .orElseThrow(() -> new HandOverException("an unknown request, " + Integer.toUnsignedString(id)
                    + ", waits to be sent"));
            return new Outgoing(request, in.bytes(), null);
        }
    }

    /** Supplies the request to send when its event is signalled, or null for none. Called on the channel's thread. */
    @FunctionalInterface
    interface Source {
        Outgoing next();
    }

    /** Supplies the same request every time. */
    private record Notice(Outgoing next) implements Source { }

    private BackendChannel(final Connection connection, final boolean acknowledged, final String name,
                           final BooleanSupplier silenced) {
        this.connection = connection;
        this.acknowledged = acknowledged;
        this.name = name;
        this.silenced = silenced;
    }

    /**
     * Takes ownership of the socket from SET_BACKEND_REQ_FD.
     *
     * @param fd closed if this method throws
     * @param acknowledged whether the front-end acknowledges requests that ask for it
     * @param name the name of the port, for the log
     * @param silenced whether the front-end must not be sent requests; any thread may call it, and {@link #heed} must
     *     follow each change
     */
    static BackendChannel over(final int fd, final boolean acknowledged, final String name,
                               final BooleanSupplier silenced) {
        try {
            return new BackendChannel(Connection.adopt(fd), acknowledged, name, silenced);
        } catch (final TransportException e) {
            Fd.abandon(fd);
            throw ProtocolException.refused(e.getMessage());
        }
    }

    /**
     * Queues a request without interest in its result. The request is dropped if the channel has ended, or if too many
     * wait.
     */
    void post(final BackendRequest request, final byte[] payload) {
        post(new Outgoing(request, payload, null));
    }

    /** Queues a request. The request is dropped if the channel has ended, or if too many wait. */
    synchronized void post(final Outgoing outgoing) {
        if (!over && waiting.size() < MAX_WAITING) {
            begin();
            waiting.add(outgoing);
            wake.signal();
        }
    }

    /** Returns an event that, whenever signalled, sends a request about a ring. The channel owns the event. */
    EventFd event(final BackendRequest request, final int vring) {
        return event(new Notice(new Outgoing(request, Codec.vringState(vring, 0), null)));
    }

    /** Returns an event that, whenever signalled, sends the request from its source. The channel owns the event. */
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
            thread = start();
        }
    }

    private Thread start() {
        return Thread.ofPlatform().daemon().name("rb-requests-" + name).start(this::run);
    }

    private void run() {
        try {
            awaitAnswer();
            while (!over && !paused) {
                epoll.await(-1);
                wake.drain();
                for (Outgoing next = next(); next != null; next = next()) {
                    send(next);
                }
            }
        } catch (final IOException | ProtocolException | InterruptedException e) {
            if (!over) {
                LOG.info("port {}: the channel for requests to the front-end has ended: {}", name, e.getMessage());
            }
            end();
        } finally {
            sent();
        }
    }

    private synchronized void collectEvents() {
        events.forEach((source, event) -> {
            final Outgoing outgoing = event.drain() ? source.next() : null;
            if (outgoing != null) {
                waiting.add(outgoing);
            }
        });
    }

    /**
     * Waits while the front-end is silenced.
     *
     * @return the next request to send; null if there is none, or if the channel is paused or over
     */
    private synchronized Outgoing next() throws InterruptedException {
        while (silenced.getAsBoolean() && !paused && !over) {
            wait(); // here, because events signalled in the meantime would end any wait for events
        }
        if (paused || over) {
            return null;
        }
        if (waiting.isEmpty()) { // other events stay signalled, so that at most one request waits per source
            collectEvents();
        }
        if (waiting.isEmpty()) {
            return null;
        }
        final Outgoing first = waiting.removeFirst();
        sending = true;
        return first;
    }

    private synchronized void sent() {
        sending = false;
        notifyAll();
    }

    private void send(final Outgoing outgoing) throws IOException {
        final BackendRequest request = outgoing.request;
        LOG.debug("port {}: sending {}", name, request);
        final int flags = acknowledged ? Header.VERSION | Header.NEED_REPLY : Header.VERSION;
        connection.send(request.id(), flags, outgoing.bytes());
        sent();
        if (acknowledged) {
            unanswered = outgoing;
            awaitAnswer();
        }
    }

    /** Waits for the acknowledgement of the last request, or until the channel is to pause. */
    private void awaitAnswer() throws IOException {
        final Outgoing outgoing = unanswered;
        if (outgoing == null) {
            return;
        }
        final BackendRequest request = outgoing.request;
        try (Packet reply = connection.receive(() -> { }, () -> paused)) {
            if (reply == null && paused) {
                return;
            }
            if (reply == null) {
                throw new IOException("the front-end has closed the socket");
            }
            unanswered = null;
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

    /**
     * Applies a change of the front-end's silence. If the front-end is silenced, nothing is sent any more when this
     * returns. If the front-end blocks a half-sent message by not reading, the channel ends. If the front-end is no
     * longer silenced, the waiting requests are sent.
     *
     * @param channel may be null
     */
    static void heed(final BackendChannel channel) {
        if (channel != null) {
            channel.heed();
        }
    }

    private synchronized void heed() {
        final boolean silent = silenced.getAsBoolean();
        final long end = System.nanoTime() + PATIENCE.toNanos();
        try {
            for (long left = PATIENCE.toNanos(); silent && sending && left > 0; left = end - System.nanoTime()) {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            }
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (silent && sending) {
            end();
        }
        notifyAll();
    }

    /**
     * Ends a channel: it sends nothing more, but its events stay open.
     *
     * @param channel may be null
     */
    static void end(final BackendChannel channel) {
        if (channel != null) {
            channel.end();
        }
    }

    private void end() {
        over = true;
        connection.shutdown();
    }

    /**
     * Ends the thread between two messages, until {@link #resume}. If the front-end leaves a message half sent or half
     * received for too long, the channel ends.
     */
    private void pause() {
        final Thread sender;
        synchronized (this) {
            paused = true;
            sender = thread;
            notifyAll();
        }
        if (sender != null) {
            wake.signal();
            if (!joined(sender)) {
                LOG.warn("port {}: the front-end did not complete a request or its reply within {} ms; sending no more"
                    + " requests", name, PATIENCE.toMillis());
                end();
                join(sender);
            }
        }
    }

    private static boolean joined(final Thread sender) {
        try {
            return sender.join(PATIENCE);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Pauses a channel, which may be null. */
    static void pause(final BackendChannel channel) {
        if (channel != null) {
            channel.pause();
        }
    }

    /** Resumes a channel, which may be null. */
    static void resume(final BackendChannel channel) {
        if (channel != null) {
            channel.resume();
        }
    }

    /** Resumes after {@link #pause}, or with the requests that another process had not sent. */
    private synchronized void resume() {
        paused = false;
        if (thread != null) {
            thread = start();
            wake.signal();
        } else if (!waiting.isEmpty() || unanswered != null) {
            begin();
            wake.signal();
        }
    }

    /** Writes a paused channel for another process. Writes nothing of a channel that has ended, or that is null. */
    static void save(final BackendChannel channel, final StateWriter out) {
        out.flag(channel != null && !channel.over);
        if (channel != null && !channel.over) {
            channel.save(out);
        }
    }

    private synchronized void save(final StateWriter out) {
        collectEvents();
        out.descriptor(connection.descriptor()).flag(acknowledged).flag(unanswered != null).number(waiting.size());
        if (unanswered != null) {
            unanswered.save(out);
        }
        waiting.forEach(request -> request.save(out));
    }

    /**
     * Restores the channel of another process. It is paused until {@link #resume}.
     *
     * @return null if there is none
     */
    static BackendChannel restore(final StateReader in, final String name, final BooleanSupplier silenced) {
        if (!in.flag()) {
            return null;
        }
        final int fd = in.descriptor();
        final BackendChannel channel;
        try {
            channel = over(fd, in.flag(), name, silenced);
        } catch (final HandOverException e) {
            Fd.close(fd);
            throw e;
        }
        try {
            final boolean waitsForAnswer = in.flag();
            final int count = in.count(2 * MAX_WAITING);
            channel.unanswered = waitsForAnswer ? Outgoing.restore(in) : null;
            for (int i = 0; i < count; i++) {
                channel.waiting.add(Outgoing.restore(in));
            }
            channel.paused = true;
            return channel;
        } catch (final RuntimeException e) {
            channel.relinquish();
            throw e;
        }
    }

    /** Ends the thread and closes the socket. No thread may use an event any more. */
    @Override
    public void close() {
        end();
        release();
        connection.close();
    }

    /** Ends the thread, but leaves the socket to the process that owns it now. No thread may use an event any more. */
    void relinquish() {
        release();
        connection.relinquish();
    }

    private void release() {
        final Thread sender;
        synchronized (this) {
            over = true;
            sender = thread;
            notifyAll();
        }
        if (sender != null) {
            wake.signal();
            join(sender);
            events.values().forEach(EventFd::close);
            epoll.close();
            wake.close();
        }
    }

    private static void join(final Thread thread) {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (final InterruptedException e) {
                interrupted = true; // the thread has to end before the descriptors that it uses are closed
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
