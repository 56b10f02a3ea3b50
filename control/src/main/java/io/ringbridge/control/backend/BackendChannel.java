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
 * <p>A thread of its own, which exists from the first request on, sends one at a time, and waits for the acknowledgement where those are
 * negotiated. So a front-end that does not read, or does not answer, makes nobody wait but this thread. What is asked again while it
 * waits to be sent is sent once, which bounds what waits. While the front-end is to be left alone, acknowledgements are heard,
 * and nothing is sent before that ends.
 *
 * <p>Any thread may {@link #post}; a worker signals an {@link #event} instead. {@link #close} is for the session.
 */
final class BackendChannel implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BackendChannel.class);
    private static final int REPLY_FLAGS = Header.VERSION | Header.REPLY;
    /** More than a front-end that reads ever lets wait, however many rings it has. */
    private static final int MOST_WAITING = 1024;
    /** How long a message may be half sent or half received when this is to rest, or half sent when the front-end is to be left alone. */
    private static final Duration REST = Duration.ofSeconds(1);

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
    private volatile boolean resting;
    /** What was sent and is not acknowledged. */
    private Outgoing unanswered;
    private boolean sending;

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
            final BackendRequest request = Arrays.stream(BackendRequest.values()).filter(each -> each.id() == id).findFirst()
                .orElseThrow(() -> new HandOverException("request " + Integer.toUnsignedString(id) + " is waiting to be sent"));
            return new Outgoing(request, in.bytes(), null);
        }
    }

    /** Says what is to be sent when its event is signalled; null for nothing. On the channel's thread. */
    @FunctionalInterface
    interface Source {
        Outgoing next();
    }

    /** The same whenever it is signalled. */
    private record Notice(Outgoing next) implements Source { }

    private BackendChannel(final Connection connection, final boolean acknowledged, final String name, final BooleanSupplier silenced) {
        this.connection = connection;
        this.acknowledged = acknowledged;
        this.name = name;
        this.silenced = silenced;
    }

    /**
     * Takes over the socket that SET_BACKEND_REQ_FD brings.
     *
     * @param fd closed when it is refused
     * @param acknowledged whether the front-end acknowledges requests when asked to
     * @param name the port's, for the log
     * @param silenced whether the front-end is to be left alone, which any thread may ask; {@link #heed} follows each change
     */
    static BackendChannel over(final int fd, final boolean acknowledged, final String name, final BooleanSupplier silenced) {
        try {
            return new BackendChannel(Connection.adopt(fd), acknowledged, name, silenced);
        } catch (final TransportException e) {
            Fd.abandon(fd);
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
            thread = start();
        }
    }

    private Thread start() {
        return Thread.ofPlatform().daemon().name("rb-requests-" + name).start(this::run);
    }

    private void run() {
        try {
            awaitAnswer();
            while (!over && !resting) {
                epoll.await(-1);
                wake.drain();
                for (Outgoing next = next(); next != null; next = next()) {
                    send(next);
                }
            }
        } catch (final IOException | ProtocolException | InterruptedException e) {
            if (!over) {
                LOG.info("port {}: no more requests to the front-end: {}", name, e.getMessage());
            }
            end();
        } finally {
            sent();
        }
    }

    private synchronized void takeEvents() {
        events.forEach((source, event) -> {
            final Outgoing outgoing = event.drain() ? source.next() : null;
            if (outgoing != null) {
                waiting.add(outgoing);
            }
        });
    }

    /** What is sent next; null where nothing is, or it is time to rest. Waits while the front-end is to be left alone. */
    private synchronized Outgoing next() throws InterruptedException {
        while (silenced.getAsBoolean() && !resting && !over) {
            wait(); // here, since what is signalled in the meantime would end any wait for events
        }
        if (resting || over) {
            return null;
        }
        if (waiting.isEmpty()) { // what is signalled in the meantime stays so: one request a source waits, and no more
            takeEvents();
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
        LOG.debug("port {}: sends {}", name, request);
        connection.send(request.id(), acknowledged ? Header.VERSION | Header.NEED_REPLY : Header.VERSION, outgoing.bytes());
        sent();
        if (acknowledged) {
            unanswered = outgoing;
            awaitAnswer();
        }
    }

    /** Waits for the acknowledgement of what was sent last, or until it is time to rest. */
    private void awaitAnswer() throws IOException {
        final Outgoing outgoing = unanswered;
        if (outgoing == null) {
            return;
        }
        final BackendRequest request = outgoing.request;
        try (Packet reply = connection.receive(() -> { }, () -> resting)) {
            if (reply == null && resting) {
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
     * Follows what says whether the front-end is to be left alone. Where it is, nothing more is sent when this returns: one that keeps a
     * message from being sent, by not reading, is spoken to no more. Where it is no longer, what waits is sent.
     *
     * @param channel none may be there
     */
    static void heed(final BackendChannel channel) {
        if (channel != null) {
            channel.heed();
        }
    }

    private synchronized void heed() {
        final boolean silent = silenced.getAsBoolean();
        final long end = System.nanoTime() + REST.toNanos();
        try {
            for (long left = REST.toNanos(); silent && sending && left > 0; left = end - System.nanoTime()) {
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
     * Sends nothing more, whatever waits, while events are still held.
     *
     * @param channel none may be there
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
     * Ends the thread where nothing is half sent or half received, until {@link #goOn}. A front-end that leaves it so for long is spoken
     * to no more.
     */
    private void rest() {
        final Thread sender;
        synchronized (this) {
            resting = true;
            sender = thread;
            notifyAll();
        }
        if (sender != null) {
            wake.signal();
            if (!joined(sender)) {
                LOG.warn("port {}: the front-end is in the middle of an answer; no more requests to it", name);
                end();
                join(sender);
            }
        }
    }

    private static boolean joined(final Thread sender) {
        try {
            return sender.join(REST);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Lets a channel rest; none may be there. */
    static void rest(final BackendChannel channel) {
        if (channel != null) {
            channel.rest();
        }
    }

    /** Lets a channel go on; none may be there. */
    static void goOn(final BackendChannel channel) {
        if (channel != null) {
            channel.goOn();
        }
    }

    /** Goes on after {@link #rest}, or with what another process has left to be sent. */
    private synchronized void goOn() {
        resting = false;
        if (thread != null) {
            thread = start();
            wake.signal();
        } else if (!waiting.isEmpty() || unanswered != null) {
            begin();
            wake.signal();
        }
    }

    /** Writes down a channel that rests, for another process; nothing of one that is over. {@code channel} may be null. */
    static void save(final BackendChannel channel, final StateWriter out) {
        out.flag(channel != null && !channel.over);
        if (channel != null && !channel.over) {
            channel.save(out);
        }
    }

    private synchronized void save(final StateWriter out) {
        takeEvents();
        out.descriptor(connection.descriptor()).flag(acknowledged).flag(unanswered != null).number(waiting.size());
        if (unanswered != null) {
            unanswered.save(out);
        }
        waiting.forEach(request -> request.save(out));
    }

    /** Takes over the channel of another process, which rests until {@link #goOn}; null where there is none. */
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
            final int count = in.count(2 * MOST_WAITING);
            channel.unanswered = waitsForAnswer ? Outgoing.restore(in) : null;
            for (int i = 0; i < count; i++) {
                channel.waiting.add(Outgoing.restore(in));
            }
            channel.resting = true;
            return channel;
        } catch (final RuntimeException e) {
            channel.letGo();
            throw e;
        }
    }

    /** Ends the thread and closes the socket. Nobody may hold an event any more. */
    @Override
    public void close() {
        end();
        release();
        connection.close();
    }

    /** The same while the conversation goes on in another process. */
    void letGo() {
        release();
        connection.letGo();
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
                interrupted = true; // what the thread uses may not be closed before it has ended
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
