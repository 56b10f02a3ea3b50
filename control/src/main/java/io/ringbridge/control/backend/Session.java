package io.ringbridge.control.backend;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.PausePoint;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.protocol.VirtioFeatures;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Descriptors;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.MemoryException;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.ring.Features;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.util.List;
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
    /**
     * The features that in-band notifications require. Without them, the only way to refuse is to end the conversation.
     */
    private static final long INBAND_NEEDS = ProtocolFeature.of(ProtocolFeature.BACKEND_REQ, ProtocolFeature.REPLY_ACK);

    private final GuestPort port;
    private final Connection connection;
    private final Presence presence;
    private final long offered;
    private final long offeredProtocol;
    private final Inflight inflight;
    private final Rings rings;
    private final Relay relay;
    private final HandedRings handed;
    private final DeviceQueues queues;
    private final Postcopy postcopy;
    private final MemoryTable memory;
    private final Suspension suspension;
    private final MigrationLog log;
    private final NetConfig config;
    private final Iommu iommu;
    private boolean restored;
    private boolean arrived;
    private long features;
    private long protocolFeatures;
    private boolean protocolFeaturesSet;
    private final Migration migration;
    private BackendChannel channel;

    /** Creates a session. {@code relays} are the permits for threads that all sessions of the port share. */
    Session(final GuestPort port, final BackendOptions options, final Presence presence, final Semaphore relays,
            final Connection connection) {
        this.port = port;
        this.connection = connection;
        this.presence = presence;
        offered = Offer.virtio(port.queuePairs(), options);
        offeredProtocol = Offer.compatible(Postcopy.permitted(port.name(), Offer.protocol(options)), port.queuePairs());
        inflight = new Inflight(2 * port.queuePairs(), options.memory());
        queues = new DeviceQueues(port, offered);
        rings = new Rings(queues, options, inflight);
        relay = new Relay(port.name(), this::isSuspended, relays);
        handed = new HandedRings(queues, rings, inflight, relay);
        postcopy = new Postcopy(port);
        memory = new MemoryTable(rings, postcopy, options.memory());
        iommu = new Iommu(port.name(), rings);
        suspension = new Suspension(port, rings, options.suspend());
        log = new MigrationLog(queues, options.logBaseReply(), options.memory());
        config = new NetConfig(options.mac(), port);
        migration = new Migration(port, config);
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
        LOG.info("port {}: {} {}", port.name(), restored ? "resumed with" : "attached to", connection.peer());
        String fault = null;
        try {
            while (!connection.isOver()) {
                if (pausePoint.isRequested()) {
                    BackendChannel.pause(channel);
                    relay.pause();
                    pausePoint.pauseIfRequested();
                    if (pausePoint.isRelinquished()) {
                        return;
                    }
                    BackendChannel.resume(channel);
                    relay.resume();
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
            if (pausePoint.isOpen()) {
                presence.left();
            }
        }
        if (fault == null) {
            LOG.info("port {}: detached {}", port.name(),
                pausePoint.isOpen() ? "by the front-end" : "because the port is closing");
        } else {
            LOG.warn("port {}: detached: {}", port.name(), fault);
        }
    }

    /** Called now and then while no message arrives. */
    private void idle() {
        checkPort();
        rings.countKicks();
    }

    private void checkPort() {
        checkRings();
        final String failure = port.failure();
        if (failure != null) {
            throw ProtocolException.fatal(failure);
        }
        rings.requestTranslations();
        queues.serveControl();
        connection.wakeBy(queues.kick());
        BackendChannel.heed(channel); // an operator suspends and resumes the port without a message
    }

    private void checkRings() {
        final String broken = port.takeRingFault();
        if (broken != null) {
            LOG.warn("port {}: {}", port.name(), broken);
            configChanged(suspension.setNeedsReset());
        }
    }

    private void detach() {
        BackendChannel.end(channel); // requests that a suspended device has withheld are not sent now
        queues.detach();
        rings.close();
        inflight.close();
        postcopy.close();
        memory.close();
        log.close();
        relay.close();
        setChannel(null);
        migration.detach();
        port.state(PortState.WAITING);
    }

    /**
     * Relinquishes the session to the process that owns it now, unnoticed by the front-end. The port must be suspended.
     */
    void relinquish() {
        queues.detach();
        if (channel != null) {
            channel.relinquish();
            channel = null;
        }
        detach();
        connection.relinquish();
    }

    /**
     * Writes the state that does not change while the session is paused. A transfer of device state in progress is
     * omitted.
     */
    void save(final StateWriter out) {
        if (postcopy.isAdvised()) {
            throw new HandOverException("a migration by postcopy is in progress, which only this process can complete");
        }
        out.wide(features).wide(protocolFeatures).flag(protocolFeaturesSet);
        memory.save(out);
        iommu.save(out);
        inflight.save(out);
        log.save(out);
        suspension.save(out);
        migration.save(out);
        BackendChannel.save(channel, out);
        handed.save(out);
    }

    /**
     * Restores the saved state, and checks it like messages from the front-end. The port is suspended. If this method
     * throws, the caller has to {@link #relinquish}.
     */
    void restore(final StateReader in) {
        restored = true;
        features = in.wide();
        protocolFeatures = in.wide();
        protocolFeaturesSet = in.flag();
        final List<String> lost = VirtioFeatures.names(features & ~offered);
        lost.addAll(ProtocolFeature.names(protocolFeatures & ~offeredProtocol));
        if (!lost.isEmpty()) {
            throw new HandOverException("the front-end has negotiated " + String.join(", ", lost)
                + ", which this process does not offer");
        }
        memory.restore(in);
        iommu.restore(in, features);
        inflight.restore(in);
        relay.pause(); // until this session begins, the other process may resume
        log.restore(in, relay);
        suspension.restore(in);
        migration.restore(in);
        channel = BackendChannel.restore(in, port.name(), suspension::silences);
        rings.setChannels(inband(), channel);
        handed.restore(in, features);
        port.features(features);
    }

    /** Returns the rings, to save and restore their positions. */
    HandedRings handedRings() {
        return handed;
    }

    /** Starts the restored rings on the suspended port. */
    void begin() {
        BackendChannel.resume(channel);
        relay.resume();
        configChanged(handed.begin() && suspension.setNeedsReset());
        updateState();
    }

    private void updateState() {
        migration.setRunning(rings.anyRunning());
        port.state(suspension.state(rings.anyRunning(), rings.anyKicked()));
        if (!arrived && rings.anyRunning()) {
            arrived = true;
            presence.arrived();
        }
        BackendChannel.heed(channel);
        if (suspension.isSuspended()) {
            relay.settle(); // no notification may follow the reply
        }
    }

    private boolean isSuspended() {
        return suspension.isSuspended();
    }

    /** Serves one request: decodes it, checks that it is negotiated, carries it out, and replies. */
    private void serve(final Packet packet) throws IOException {
        final Header header = packet.header();
        final Descriptors descriptors = packet.descriptors();
        if (memory.confirmIfMeant(header)) {
            return;
        }
        checkRings(); // the request may be GET_STATUS
        final Request request = Request.of(header.request(), header.size(), descriptors.count());
        final String name =
            request == null ? "request " + Integer.toUnsignedString(header.request()) : request.toString();
        if (header.isReply()) {
            throw ProtocolException.fatal(name + " is marked as a reply; only requests are allowed");
        }
        try (Outcome outcome = outcome(request, name, packet)) {
            updateState();
            if (outcome instanceof final Outcome.Reply reply) {
                connection.send(header.request(), REPLY_FLAGS, reply.payload(), reply.descriptors());
            }
        }
        rings.onReplySent();
    }

    /** Carries out a request, or refuses it. Only this method decides on acknowledgements (REPLY_ACK). */
    private Outcome outcome(final Request request, final String name, final Packet packet) {
        final Header header = packet.header();
        final Descriptors descriptors = packet.descriptors();
        boolean mayRefuse = true;
        try {
            final Message message =
                request == null ? null : Codec.decode(request, packet.payload(), descriptors.count());
            LOG.debug("port {}: {} flags 0x{} descriptors {}", port.name(), message == null ? name : message,
                Integer.toHexString(header.flags()), descriptors.count());
            checkNegotiated(request);
            mayRefuse = request.reply() == Request.Reply.ACK;
            final Outcome outcome = carryOut(message, descriptors);
            return outcome instanceof Outcome.Done && acknowledges(header) ? new Outcome.Reply(Codec.number(0))
                : outcome;
        } catch (final ProtocolException | MemoryException | OsException e) {
            final boolean ends = e instanceof ProtocolException p && p.endsConnection();
            if (mayRefuse && !acknowledges(header) && e instanceof ProtocolException p && p.isIgnored()) {
                LOG.warn("port {}: ignored {}: {}", port.name(), name, e.getMessage());
                return Outcome.DONE;
            }
            if (ends || !mayRefuse || !acknowledges(header)) {
                throw ProtocolException.fatal(ends ? e.getMessage() : name + ": " + e.getMessage());
            }
            LOG.warn("port {}: refused {}: {}", port.name(), name, e.getMessage());
            return new Outcome.Reply(Codec.number(REFUSED));
        }
    }

    private boolean acknowledges(final Header header) {
        return header.needsReply() && ProtocolFeature.REPLY_ACK.in(protocolFeatures);
    }

    private void checkNegotiated(final Request request) {
        if (request == null) {
            throw ProtocolException.refused("unknown request");
        }
        final ProtocolFeature needed = request.needs();
        if (needed != null && !needed.in(protocolFeatures | (offeredProtocol & ProtocolFeature.ENOUGH_WHEN_OFFERED))) {
            throw ProtocolException.refused("protocol feature " + needed + " is not negotiated");
        }
    }

    private Outcome carryOut(final Message message, final Descriptors descriptors) {
        switch (message) {
            case Message.GetFeatures _ -> {
                return new Outcome.Reply(Codec.number(offered));
            }
            case Message.SetFeatures m -> setFeatures(m.features());
            case Message.SetOwner _ -> { /* Nothing depends on it. */ }
            case Message.ResetOwner _ -> suspension.resetOwner();
            case Message.SetMemTable _, Message.AddMemReg _, Message.RemMemReg _, Message.MemoryConfirmed _,
                 Message.PostcopyListen _, Message.PostcopyEnd _ -> {
                return Outcome.of(memory.serve(message, descriptors));
            }
            case Message.SetLogBase m -> {
                return new Outcome.Reply(log.setLogBase(m, descriptors));
            }
            case Message.SetLogFd _ -> log.setLogFd(relay.notification(descriptors.take(0)));
            case Message.SetVringNum m -> rings.setVringNum(m.index(), m.num());
            case Message.SetVringAddr m -> rings.setVringAddr(m);
            case Message.SetVringBase m -> rings.setVringBase(m.index(), m.num());
            case Message.SetVringEndian m -> rings.setVringEndian(m.index(), m.num());
            case Message.GetVringBase m -> {
                suspension.onRingStop(rings.anyRunning());
                return new Outcome.Reply(Codec.vringState(m.index(), rings.getVringBase(m.index())));
            }
            case Message.SetVringFd m ->
                rings.setVringFd(m.request(), m.index(), m.hasDescriptor() ? event(m, descriptors.take(0)) : null);
            case Message.GetProtocolFeatures _ -> {
                return new Outcome.Reply(Codec.number(offeredProtocol));
            }
            case Message.SetProtocolFeatures m -> setProtocolFeatures(m.features());
            case Message.GetQueueNum _ -> {
                return new Outcome.Reply(Codec.number(rings.limit()));
            }
            case Message.SetVringEnable m -> rings.setVringEnable(m.index(), m.num());
            case Message.SendRarp m -> migration.announce(m.address());
            case Message.NetSetMtu m -> configChanged(config.setMtu(m.mtu()));
            case Message.SetBackendReqFd _ -> setChannel(BackendChannel.over(descriptors.take(0),
                ProtocolFeature.REPLY_ACK.in(protocolFeatures), port.name(), suspension::silences));
            case Message.Config m when m.request() == Request.GET_CONFIG -> {
                final Message.Config content = config.read(m);
                return new Outcome.Reply(content == null ? new byte[0] : Codec.encode(content));
            }
            case Message.Config m -> config.write(m);
            case Message.VringKick m -> rings.vringKick(m.index(), m.num());
            case Message.ResetDevice _ -> reset();
            case Message.InflightFd m when m.request() == Request.GET_INFLIGHT_FD -> {
                return getInflight(m);
            }
            case Message.InflightFd m -> inflight.replace(m, descriptors, rings.anyRunning());
            case Message.GetMaxMemSlots _ -> {
                return new Outcome.Reply(Codec.number(GuestMemory.MAX_REGIONS));
            }
            case Message.PostcopyAdvise _ -> {
                return new Outcome.Reply(new byte[0], postcopy.advise());
            }
            case Message.SetStatus m -> suspension.setStatus(m.status(), features);
            case Message.GetStatus _ -> {
                return new Outcome.Reply(Codec.number(suspension.status()));
            }
            case Message.Suspend _ -> suspension.suspend();
            case Message.Resume _ -> suspension.resume();
            case Message.GetSharedObject m -> {
                return new Outcome.Reply(Codec.encode(m)); // without a descriptor: there are no shared objects
            }
            case Message.SetDeviceStateFd m -> {
                return new Outcome.Reply(Codec.number(migration.begin(m, descriptors.take(0), rings.anyRunning())));
            }
            case Message.CheckDeviceState _ -> {
                return new Outcome.Reply(Codec.number(checkDeviceState()));
            }
            case Message.Iotlb m -> {
                return new Outcome.Reply(iommu.serve(m));
            }
            case Message.Unserved _ -> throw ProtocolException.refused("not offered");
        }
        return Outcome.DONE;
    }

    private PeerEvent event(final Message.SetVringFd message, final int fd) {
        return message.request() == Request.SET_VRING_KICK ? relay.kick(fd) : relay.notification(fd);
    }

    private Outcome getInflight(final Message.InflightFd wanted) {
        // Before the features are known, either layout is possible.
        try (MemFd area = inflight.create(wanted, features == 0 || Features.has(features, Features.RING_PACKED))) {
            final Message created =
                new Message.InflightFd(wanted.request(), area.size(), 0, wanted.queues(), wanted.queueSize());
            return new Outcome.Reply(Codec.encode(created), Fd.duplicate(area.fd()));
        }
    }

    private void setFeatures(final long wanted) {
        if ((wanted & ~offered) != 0) {
            throw ProtocolException.refused("features " + VirtioFeatures.names(wanted & ~offered)
                + " are not offered; allowed: " + VirtioFeatures.names(offered));
        }
        if (rings.anyRunning() && ((wanted ^ features) & ~Features.of(Features.LOG_ALL)) != 0) {
            throw ProtocolException.refused("features change from " + VirtioFeatures.names(features) + " to "
                + VirtioFeatures.names(wanted) + " while rings run; only log_all may change");
        }
        if (wanted != features) {
            LOG.info("port {}: features {}", port.name(), VirtioFeatures.names(wanted));
        }
        features = wanted;
        port.features(wanted);
        log.setWanted(Features.has(wanted, Features.LOG_ALL));
        rings.setFeatures(wanted, !protocolFeaturesSet && !Features.has(wanted, Features.PROTOCOL_FEATURES));
    }

    private void setProtocolFeatures(final long wanted) {
        final long unknown = wanted & ~offeredProtocol;
        if (unknown != 0) {
            throw ProtocolException.refused("protocol features " + ProtocolFeature.names(unknown)
                + " are not offered; allowed: " + ProtocolFeature.names(offeredProtocol));
        }
        if (ProtocolFeature.INBAND_NOTIFICATIONS.in(wanted) && (wanted & INBAND_NEEDS) != INBAND_NEEDS) {
            throw ProtocolException.fatal("in-band notifications without "
                + ProtocolFeature.names(INBAND_NEEDS & ~wanted));
        }
        if (wanted != protocolFeatures) {
            LOG.info("port {}: protocol features {}", port.name(), ProtocolFeature.names(wanted));
        }
        protocolFeatures = wanted;
        protocolFeaturesSet = true;
        if (!ProtocolFeature.STATUS.in(wanted)) {
            suspension.forgetStatus();
        }
        rings.setChannels(inband(), channel);
    }

    private long checkDeviceState() {
        final Migration.Outcome outcome = migration.check();
        configChanged(outcome == Migration.Outcome.CHANGED);
        return outcome == Migration.Outcome.FAILED ? REFUSED : 0;
    }

    private void configChanged(final boolean different) {
        if (different && channel != null && ProtocolFeature.CONFIG.in(protocolFeatures)) {
            channel.post(BackendRequest.CONFIG_CHANGE_MSG, new byte[0]);
        }
    }

    /** Replaces the channel for the back-end's own requests; null for none. Closes the earlier one. */
    private void setChannel(final BackendChannel next) {
        final BackendChannel old = channel;
        channel = next;
        rings.setChannels(inband(), next);
        if (old != null) {
            old.close();
        }
    }

    /** Returns the channel for notifications without a descriptor; null if they are dropped. */
    private BackendChannel inband() {
        return ProtocolFeature.INBAND_NOTIFICATIONS.in(protocolFeatures) ? channel : null;
    }

    private void reset() {
        rings.reset();
        log.setWanted(false);
        features = 0;
        suspension.reset();
        config.resetMtu();
        port.features(0);
    }
}
