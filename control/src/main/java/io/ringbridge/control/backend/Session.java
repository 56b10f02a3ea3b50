package io.ringbridge.control.backend;

import io.ringbridge.control.backend.ring.HandedRings;
import io.ringbridge.control.event.EventKind;
import io.ringbridge.control.event.PortEvents;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.PausePoint;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Outcome;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.trace.MessageTrace;
import io.ringbridge.control.trace.MessageValues;
import io.ringbridge.control.trace.TracedMessage.Kind;
import io.ringbridge.control.trace.TracedMessage.Result;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Descriptors;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.control.transport.Peer;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.MemoryException;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.Semaphore;

/**
 * The conversation with one front-end, from connection to end (vhost-user, "Communication").
 *
 * <p>Owned by the back-end's thread. A faulty front-end loses this conversation, and affects nothing else.
 */
final class Session {
    private static final Logger LOG = LoggerFactory.getLogger(Session.class);
    private static final int REPLY_FLAGS = Header.VERSION | Header.REPLY;
    private static final long REFUSED = 1;
    /** The number of messages logged when a session fails. */
    private static final int LOGGED = 10;

    private final GuestPort port;
    private final Connection connection;
    private final PortEvents events;
    private final MessageTrace trace;
    private final Device device;
    private final Requests requests;
    private boolean restored;
    /** Whether the last event about the rings was that they run. */
    private boolean reportedRunning;

    /**
     * Creates a session.
     *
     * @param relays the permits for threads that all sessions of the port share
     * @param trace receives the messages of all sessions of the port
     */
    Session(final GuestPort port, final BackendOptions options, final PortEvents events, final Semaphore relays,
            final MessageTrace trace, final Connection connection) {
        this.port = port;
        this.connection = connection;
        this.events = events;
        this.trace = trace;
        device = new Device(port, options, events, relays, trace);
        requests = new Requests(port, device);
    }

    /**
     * Serves requests until the connection ends, and detaches the port; or until another process owns the session.
     *
     * @param pausePoint the point at which this thread pauses on request
     */
    void run(final PausePoint pausePoint) {
        if (!restored) {
            port.markAttached();
            port.state(PortState.CONNECTED);
        }
        reportAttached();
        reportRings();
        trace.session(restored ? "resumed" : "attached", Map.of("peer", connection.peer().toString()), null);
        String fault = null;
        try {
            while (!connection.isOver()) {
                if (pausePoint.isRequested()) {
                    device.pause();
                    pausePoint.pauseIfRequested();
                    if (pausePoint.isRelinquished()) {
                        return;
                    }
                    device.resume();
                }
                try (Packet packet = connection.receive(this::idle, pausePoint::isRequested)) {
                    if (packet != null) {
                        serve(packet);
                    }
                }
                checkPort();
            }
        } catch (final ProtocolException | IOException e) {
            fault = e.getMessage();
        } catch (final RuntimeException | InternalError e) {
            fault = "internal error: " + e;
            LOG.debug("port {}: internal error", port.name(), e);
        } finally {
            Memory.forgetFault(); // raised during the steps below, it would leave half of them undone
            if (pausePoint.isRelinquished()) {
                relinquish();
            } else {
                detach();
            }
        }
        reportDetached(fault, pausePoint.isOpen());
    }

    private void reportAttached() {
        final Peer peer = connection.peer();
        events.report(EventKind.ATTACHED, (restored ? "resumed with " : "attached to ") + peer,
            Map.of("pid", peer.pid(), "command", peer.command(), "taken_over", restored));
    }

    /** Reports that rings run, or that the front-end has stopped all of them. */
    private void reportRings() {
        final boolean running = device.rings.anyRunning();
        if (running != reportedRunning) {
            reportedRunning = running;
            events.report(running ? EventKind.RUNNING : EventKind.STOPPED,
                running ? "running" : "the front-end has stopped every ring");
        }
    }

    private void reportDetached(final @Nullable String fault, final boolean byPeer) {
        final EventKind kind = !byPeer ? EventKind.CLOSED : fault == null ? EventKind.DETACHED : EventKind.FAILED;
        if (fault == null) {
            events.report(kind, byPeer ? "detached by the front-end" : "detached because the port is closing");
        } else {
            events.report(kind, "detached: " + fault, Map.of("reason", fault));
            trace.lastOfSession(LOGGED).forEach(message ->
                LOG.warn("port {}: before that, at {}: {}", port.name(), message.time(), message.line()));
        }
        trace.session("detached", Map.of(), fault);
    }

    /** Returns the negotiated protocol features. Any thread may call. */
    long protocolFeatures() {
        return device.negotiation.protocolFeatures();
    }

    /** Called now and then while no message arrives. */
    private void idle() {
        checkPort();
        device.rings.countKicks();
    }

    private void checkPort() {
        checkRings();
        final String failure = port.failure();
        if (failure != null) {
            throw ProtocolException.fatal(failure);
        }
        device.rings.requestTranslations();
        device.queues.serveControl();
        connection.wakeBy(device.queues.kick());
        device.channel().heed(); // an operator suspends and resumes the port without a message
    }

    private void checkRings() {
        final String broken = port.takeRingFault();
        if (broken != null) {
            LOG.warn("port {}: {}", port.name(), broken);
            device.requestReset();
        }
    }

    private void detach() {
        device.detach();
        port.state(PortState.WAITING);
    }

    /**
     * Relinquishes the session to the process that owns it now, unnoticed by the front-end. The port must be suspended.
     */
    void relinquish() {
        device.relinquish();
        port.state(PortState.WAITING);
        connection.relinquish();
    }

    /** Writes the state that does not change while the session is paused. */
    void save(final StateWriter out) {
        out.section(HandOverSections.CONNECTION, section -> section.descriptor(connection.descriptor()));
        device.save(out);
    }

    /**
     * Restores the saved state, and checks it like messages from the front-end. The port is suspended. If this method
     * throws, the caller has to {@link #relinquish}.
     */
    void restore(final Sections in) {
        restored = true;
        device.restore(in);
    }

    /** Returns the saved sections of a session. */
    static Sections sections(final StateReader in) {
        return in.sections(HandOverSections.CONNECTION, HandOverSections.FEATURES, HandOverSections.MEMORY,
            HandOverSections.IOTLB, HandOverSections.INFLIGHT, HandOverSections.DIRTY_LOG, HandOverSections.STATUS,
            HandOverSections.CONFIGURATION_SPACE, HandOverSections.ANNOUNCEMENT, HandOverSections.CHANNEL,
            HandOverSections.RINGS, HandOverSections.VRING);
    }

    /** Returns the rings, to save and restore their positions. */
    HandedRings handedRings() {
        return device.handedRings;
    }

    /** Starts the restored rings on the suspended port. */
    void begin() {
        device.begin();
        updateState();
    }

    private void updateState() {
        final boolean running = device.rings.anyRunning();
        device.migration.setRunning(running);
        port.state(device.suspension.state(running, device.rings.anyKicked()));
        device.channel().heed();
        if (device.suspension.isSuspended()) {
            device.relay.settle(); // no notification may follow the reply
        }
    }

    /** Serves one request: decodes it, checks that it is negotiated, carries it out, and replies. */
    private void serve(final Packet packet) throws IOException {
        final Header header = packet.header();
        final Request request = Request.of(header.request(), header.size(), packet.descriptors().count());
        final String name =
            request == null ? "request " + Integer.toUnsignedString(header.request()) : request.toString();
        final MessageTrace.Entry traced =
            trace.begin(Kind.REQUEST, name, header.size(), packet.descriptors().count());
        try {
            serve(request, name, packet, traced);
        } catch (final ProtocolException e) {
            traced.end(Result.FAILED, e.getMessage());
            throw e;
        } catch (final RuntimeException | InternalError e) {
            traced.end(Result.FAILED, e.toString());
            throw e;
        }
    }

    private void serve(final @Nullable Request request, final String name, final Packet packet,
                       final MessageTrace.Entry traced) throws IOException {
        final Header header = packet.header();
        if (device.memory.confirmIfMeant(header)) {
            traced.succeed();
            return;
        }
        checkRings(); // the request may be GET_STATUS
        if (header.isReply()) {
            throw ProtocolException.fatal(name + " is marked as a reply; only requests are allowed");
        }
        try (Outcome outcome = outcome(request, name, packet, traced)) {
            updateState();
            if (request == Request.VRING_KICK) {
                traced.succeedAgain();
            } else {
                traced.succeed();
            }
            reportRings();
            if (outcome instanceof final Outcome.Reply reply) {
                reply(request, name, header.request(), reply);
            }
        }
        device.rings.onReplySent();
    }

    private void reply(final @Nullable Request request, final String name, final int id, final Outcome.Reply reply)
        throws IOException {
        final byte[] payload = reply.payload();
        final MessageTrace.Entry traced = trace.begin(Kind.REPLY, name, payload.length, reply.descriptors().length);
        traced.values(MessageValues.ofReply(request, payload));
        try {
            connection.send(id, REPLY_FLAGS, payload, reply.descriptors());
            traced.succeed();
        } catch (final IOException e) {
            traced.end(Result.FAILED, e.getMessage());
            throw e;
        }
    }

    /** Carries out a request, or refuses it. Only this method decides on acknowledgements (REPLY_ACK). */
    private Outcome outcome(final @Nullable Request request, final String name, final Packet packet,
                            final MessageTrace.Entry traced) {
        final Header header = packet.header();
        final Descriptors descriptors = packet.descriptors();
        boolean mayRefuse = true;
        try {
            final Message message =
                request == null ? null : Codec.decode(request, packet.payload(), descriptors.count());
            if (message != null) {
                traced.values(MessageValues.of(message));
            }
            LOG.debug("port {}: {} flags 0x{} descriptors {}", port.name(), message == null ? name : message,
                Integer.toHexString(header.flags()), descriptors.count());
            device.negotiation.check(request);
            assert request != null && message != null : "an unknown request was refused";
            mayRefuse = request.reply() == Request.Reply.ACK;
            final Outcome outcome = requests.carryOut(message, descriptors);
            return outcome instanceof Outcome.Done && acknowledges(header) ? Outcome.number(0) : outcome;
        } catch (final ProtocolException | MemoryException | OsException e) {
            final boolean ends = e instanceof ProtocolException p && p.endsConnection();
            if (mayRefuse && !acknowledges(header) && e instanceof ProtocolException p && p.isIgnored()) {
                LOG.warn("port {}: ignored {}: {}", port.name(), name, e.getMessage());
                traced.end(Result.IGNORED, e.getMessage());
                return Outcome.DONE;
            }
            if (ends || !mayRefuse || !acknowledges(header)) {
                throw ProtocolException.fatal(ends ? String.valueOf(e.getMessage()) : name + ": " + e.getMessage());
            }
            LOG.warn("port {}: refused {}: {}", port.name(), name, e.getMessage());
            traced.end(Result.REFUSED, e.getMessage());
            return Outcome.number(REFUSED);
        }
    }

    private boolean acknowledges(final Header header) {
        return header.needsReply() && device.negotiation.has(ProtocolFeature.REPLY_ACK);
    }
}
