package io.ringbridge.control.backend;

import io.ringbridge.control.backend.ring.BackendChannel;
import io.ringbridge.control.backend.ring.Outgoing;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.trace.MessageTrace;
import io.ringbridge.control.trace.MessageValues;
import io.ringbridge.control.trace.TracedMessage.Kind;
import io.ringbridge.control.trace.TracedMessage.Result;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.control.transport.TransportException;
import io.ringbridge.datapath.os.Epoll;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.time.Duration;
import java.util.Collection;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/**
 * The channel over the socket that the front-end has provided for the back-end's own requests.
 *
 * <p>A thread of its own, started with the first request, sends one request at a time. It waits for the acknowledgement
 * if acknowledgements are negotiated. A front-end that does not read or reply therefore blocks only this thread. While
 * the front-end is silenced, the thread reads acknowledgements but sends nothing.
 */
final class ConnectedChannel implements BackendChannel {
    private static final Logger LOG = LoggerFactory.getLogger(ConnectedChannel.class);
    private static final int REPLY_FLAGS = Header.VERSION | Header.REPLY;
    /**
     * The longest time to finish a message that is half sent or half received, when the channel pauses or is silenced.
     */
    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private final Connection connection;
    private final boolean acknowledged;
    private final String name;
    private final BooleanSupplier silenced;
    private final MessageTrace trace;
    private final RequestQueue queue = new RequestQueue();
    /** Null until the first request. */
    private @Nullable Signals signals;
    private @Nullable Thread thread;
    private volatile boolean over;
    private volatile boolean paused;
    /** The request that was sent but not acknowledged. */
    private @Nullable Outgoing unanswered;
    /** The trace's entry of the last request; null before the first of this process. */
    private MessageTrace.@Nullable Entry traced;
    private boolean sending;

    /** The events that the thread waits for. */
    private record Signals(Epoll epoll, EventFd wake) {
        static Signals create() {
            final Epoll epoll = Epoll.create();
            final EventFd wake = EventFd.create();
            epoll.add(wake);
            return new Signals(epoll, wake);
        }
    }

    private ConnectedChannel(final Connection connection, final boolean acknowledged, final String name,
                             final BooleanSupplier silenced, final MessageTrace trace) {
        this.connection = connection;
        this.acknowledged = acknowledged;
        this.name = name;
        this.silenced = silenced;
        this.trace = trace;
    }

    /**
     * Takes ownership of the socket from SET_BACKEND_REQ_FD.
     *
     * @param fd closed if this method throws
     * @param acknowledged whether the front-end acknowledges requests that ask for it
     * @param name the name of the port, for the log
     * @param silenced whether the front-end must not be sent requests; any thread may call it, and {@link #heed} must
     *     follow each change
     * @param trace receives every request that is sent
     */
    static ConnectedChannel over(final int fd, final boolean acknowledged, final String name,
                                 final BooleanSupplier silenced, final MessageTrace trace) {
        try {
            return new ConnectedChannel(Connection.adopt(fd), acknowledged, name, silenced, trace);
        } catch (final TransportException e) {
            Fd.abandon(fd);
            throw ProtocolException.refused(String.valueOf(e.getMessage()));
        }
    }

    @Override
    public synchronized void post(final Outgoing outgoing) {
        if (!over) {
            final Signals begun = begin();
            queue.add(outgoing);
            begun.wake().signal();
        }
    }

    @Override
    public synchronized EventFd event(final Source source) {
        return queue.event(source, begin().epoll()::add);
    }

    private Signals begin() {
        Signals begun = signals;
        if (begun == null) {
            begun = Signals.create();
            signals = begun;
            thread = start(begun);
        }
        return begun;
    }

    private Thread start(final Signals begun) {
        return Thread.ofPlatform().daemon().name("rb-requests-" + name).start(() -> run(begun));
    }

    private void run(final Signals begun) {
        try {
            awaitAnswer();
            while (!over && !paused) {
                begun.epoll().await(-1);
                begun.wake().drain();
                for (Outgoing next = next(); next != null; next = next()) {
                    send(next);
                }
            }
        } catch (final IOException | ProtocolException | InterruptedException e) {
            if (!over) {
                LOG.info("port {}: the channel for requests to the front-end has ended: {}", name, e.getMessage());
            }
            if (traced != null) {
                traced.end(Result.FAILED, e.getMessage());
            }
            end();
        } finally {
            sent();
        }
    }

    /**
     * Waits while the front-end is silenced.
     *
     * @return the next request to send; null if there is none, or if the channel is paused or over
     */
    private synchronized @Nullable Outgoing next() throws InterruptedException {
        while (silenced.getAsBoolean() && !paused && !over) {
            wait(); // here, because events signalled in the meantime would end any wait for events
        }
        if (paused || over) {
            return null;
        }
        final Outgoing first = queue.poll();
        sending = first != null;
        return first;
    }

    private synchronized void sent() {
        sending = false;
        notifyAll();
    }

    private void send(final Outgoing outgoing) throws IOException {
        final BackendRequest request = outgoing.request();
        LOG.debug("port {}: sending {}", name, request);
        final int flags = acknowledged ? Header.VERSION | Header.NEED_REPLY : Header.VERSION;
        final byte[] payload = outgoing.bytes();
        final MessageTrace.Entry entry = trace.begin(Kind.BACKEND_REQUEST, request.name(), payload.length, 0);
        entry.values(MessageValues.of(request, payload));
        traced = entry;
        connection.send(request.id(), flags, payload);
        sent();
        if (acknowledged) {
            unanswered = outgoing;
            awaitAnswer();
        } else {
            end(entry, request);
        }
    }

    private static void end(final MessageTrace.Entry entry, final BackendRequest request) {
        if (request == BackendRequest.VRING_CALL) {
            entry.succeedAgain();
        } else {
            entry.succeed();
        }
    }

    /** Waits for the acknowledgement of the last request, or until the channel is to pause. */
    private void awaitAnswer() throws IOException {
        final Outgoing outgoing = unanswered;
        if (outgoing == null) {
            return;
        }
        final BackendRequest request = outgoing.request();
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
            trace(request, result);
            if (outgoing.answer() != null) {
                outgoing.answer().accept(result);
            } else if (result != 0) {
                LOG.warn("port {}: the front-end refuses {} with {}", name, request, result);
            }
        }
    }

    /** Records the front-end's acknowledgement, unless another process has sent the request. */
    private void trace(final BackendRequest request, final long result) {
        if (traced != null && result == 0) {
            end(traced, request);
        } else if (traced != null) {
            traced.end(Result.REFUSED, "the front-end answers " + result);
        }
    }

    @Override
    public synchronized void heed() {
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

    @Override
    public void end() {
        over = true;
        connection.shutdown();
    }

    @Override
    public void pause() {
        final Signals begun;
        final Thread sender;
        synchronized (this) {
            paused = true;
            begun = signals;
            sender = thread;
            notifyAll();
        }
        if (begun != null && sender != null) {
            begun.wake().signal();
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

    @Override
    public synchronized void resume() {
        paused = false;
        if (signals != null) {
            thread = start(signals);
            signals.wake().signal();
        } else if (!queue.isEmpty() || unanswered != null) {
            begin().wake().signal();
        }
    }

    @Override
    public void save(final StateWriter out) {
        if (!over) {
            out.section(HandOverSections.CHANNEL, this::saveOpen);
        }
    }

    private synchronized void saveOpen(final StateWriter out) {
        final Collection<Outgoing> waiting = queue.collectAll();
        out.descriptor(connection.descriptor()).flag(acknowledged).flag(unanswered != null).number(waiting.size());
        if (unanswered != null) {
            unanswered.save(out);
        }
        waiting.forEach(request -> request.save(out));
    }

    /**
     * Restores the channel of another process. It is paused until {@link #resume}.
     *
     * @return {@link #NONE} if there was none
     */
    static BackendChannel restore(final Sections in, final String name, final BooleanSupplier silenced,
                                  final MessageTrace trace) {
        return in.find(HandOverSections.CHANNEL).map(section -> restore(section, name, silenced, trace)).orElse(NONE);
    }

    private static BackendChannel restore(final StateReader in, final String name, final BooleanSupplier silenced,
                                          final MessageTrace trace) {
        final int fd = in.descriptor();
        final ConnectedChannel channel;
        try {
            channel = over(fd, in.flag(), name, silenced, trace);
        } catch (final HandOverException e) {
            Fd.close(fd);
            throw e;
        }
        try {
            final boolean waitsForAnswer = in.flag();
            final int count = in.count(2 * RequestQueue.MAX_WAITING);
            channel.unanswered = waitsForAnswer ? Outgoing.restore(in) : null;
            for (int i = 0; i < count; i++) {
                channel.queue.restore(Outgoing.restore(in));
            }
            channel.paused = true;
            return channel;
        } catch (final RuntimeException e) {
            channel.relinquish();
            throw e;
        }
    }

    @Override
    public void close() {
        end();
        release();
        connection.close();
    }

    @Override
    public void relinquish() {
        release();
        connection.relinquish();
    }

    private void release() {
        final Signals begun;
        final Thread sender;
        synchronized (this) {
            over = true;
            begun = signals;
            sender = thread;
            notifyAll();
        }
        if (begun != null && sender != null) {
            begun.wake().signal();
            join(sender);
            queue.close();
            begun.epoll().close();
            begun.wake().close();
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
