package io.ringbridge.control.backend;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.Standstill;
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
 * One front-end's conversation, from connection to end (vhost-user, "Communication").
 *
 * <p>Owned by the back-end's thread. Whatever a front-end does costs it this conversation and nothing else.
 */
final class Session {
    private static final Logger LOG = LoggerFactory.getLogger(Session.class);
    private static final int REPLY_FLAGS = Header.VERSION | Header.REPLY;
    private static final long REFUSED = 1;
    /** What has to be negotiated with in-band notifications; there is no other way to refuse them without than to end the conversation. */
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

    /** Begins a conversation on a port whose sessions share permits for threads. */
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
     * Converses until the connection ends, and leaves the port as if nobody had been there; or until another process goes on with it.
     *
     * @param standstill where it stands still when that is asked for
     */
    void run(final Standstill standstill) {
        if (!restored) {
            port.attached();
            port.state(PortState.CONNECTED);
        }
        LOG.info("port {}: {} {}", port.name(), restored ? "goes on with" : "attached to", connection.peer());
        String fault = null;
        try {
            while (!connection.isOver()) {
                if (standstill.isAsked()) {
                    BackendChannel.rest(channel);
                    relay.rest();
                    standstill.stand();
                    if (standstill.isLeft()) {
                        return;
                    }
                    BackendChannel.goOn(channel);
                    relay.goOn();
                }
                try (Packet packet = connection.receive(this::idle, standstill::isAsked)) {
                    if (packet != null) {
                        serve(packet);
                    }
                }
                checkPort();
            }
        } catch (final ProtocolException | IOException e) {
            fault = e.getMessage();
        } catch (final RuntimeException | InternalError e) {
            fault = "unexpected " + e;
            LOG.debug("port {}: unexpected", port.name(), e);
        } finally {
            Memory.forgetFault(); // raised in the middle of the end, it would leave half of it undone
            if (standstill.isLeft()) {
                letGo();
            } else {
                leave();
            }
            if (standstill.isOpen()) {
                presence.left();
            }
        }
        if (fault == null) {
            LOG.info("port {}: detached {}", port.name(), standstill.isOpen() ? "by the front-end" : "as the port is closed");
        } else {
            LOG.warn("port {}: detached: {}", port.name(), fault);
        }
    }

    /** Nothing has come for a moment. */
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
        rings.askWhatWaits();
        queues.serveControl();
        connection.wakeBy(queues.kick());
        BackendChannel.heed(channel); // an operator's suspension begins and ends by itself
    }

    private void checkRings() {
        final String broken = port.takeRingFault();
        if (broken != null) {
            LOG.warn("port {}: {}", port.name(), broken);
            configChanged(suspension.needsReset());
        }
    }

    private void leave() {
        BackendChannel.end(channel); // what a suspended device has kept back is not said in parting
        queues.detach();
        rings.close();
        inflight.close();
        postcopy.close();
        memory.close();
        log.close();
        relay.close();
        channel(null);
        migration.leave();
        port.state(PortState.WAITING);
    }

    /** Leaves it to the process that has it as well, which the front-end does not notice. The port has to be suspended. */
    void letGo() {
        queues.detach();
        if (channel != null) {
            channel.letGo();
            channel = null;
        }
        leave();
        connection.letGo();
    }

    /** Writes all down that does not change while this stands still. What is on its way of a device's state is not in it. */
    void save(final StateWriter out) {
        if (postcopy.isAdvised()) {
            throw new HandOverException("its guest's memory is still on its way, of which only this process can be told");
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

    /** Takes over what was saved, checked as if the front-end had said it. The port is suspended; {@link #letGo} is for failures. */
    void restore(final StateReader in) {
        restored = true;
        features = in.wide();
        protocolFeatures = in.wide();
        protocolFeaturesSet = in.flag();
        final List<String> lost = VirtioFeatures.names(features & ~offered);
        lost.addAll(ProtocolFeature.names(protocolFeatures & ~offeredProtocol));
        if (!lost.isEmpty()) {
            throw new HandOverException("the front-end has negotiated " + String.join(", ", lost) + ", which is not offered any more");
        }
        memory.restore(in);
        iommu.restore(in, features);
        inflight.restore(in);
        relay.rest(); // until then the other process may go on
        log.restore(in, relay);
        suspension.restore(in);
        migration.restore(in);
        channel = BackendChannel.restore(in, port.name(), suspension::silences);
        rings.channels(inband(), channel);
        handed.restore(in, features);
        port.features(features);
    }

    /** Its rings, for what of them moves. */
    HandedRings handedRings() {
        return handed;
    }

    /** Starts the rings, on the suspended port. */
    void begin() {
        BackendChannel.goOn(channel);
        relay.goOn();
        configChanged(handed.begin() && suspension.needsReset());
        tellState();
    }

    private void tellState() {
        migration.ringsRun(rings.anyRunning());
        port.state(suspension.state(rings.anyRunning(), rings.anyKicked()));
        if (!arrived && rings.anyRunning()) {
            arrived = true;
            presence.arrived();
        }
        BackendChannel.heed(channel);
        if (suspension.isSuspended()) {
            relay.settle(); // no notification comes after the reply
        }
    }

    private boolean isSuspended() {
        return suspension.isSuspended();
    }

    /** One request: decoded, checked to be negotiated, carried out, answered. The only place that knows REPLY_ACK. */
    private void serve(final Packet packet) throws IOException {
        final Header header = packet.header();
        final Descriptors descriptors = packet.descriptors();
        if (memory.isConfirmedBy(header)) {
            return;
        }
        checkRings(); // what is asked for may be the device status
        final Request request = Request.of(header.request(), header.size(), descriptors.count());
        final String name = request == null ? "request " + Integer.toUnsignedString(header.request()) : request.toString();
        if (header.isReply()) {
            throw ProtocolException.fatal(name + " is marked as a reply; only requests are allowed");
        }
        try (Outcome outcome = outcome(request, name, packet)) {
            tellState();
            if (outcome instanceof final Outcome.Reply reply) {
                connection.send(header.request(), REPLY_FLAGS, reply.payload(), reply.descriptors());
            }
        }
        rings.answered();
    }

    /** Carries a request out, or refuses it; with an acknowledgement, if the front-end wants one. */
    private Outcome outcome(final Request request, final String name, final Packet packet) {
        final Header header = packet.header();
        final Descriptors descriptors = packet.descriptors();
        boolean mayRefuse = true;
        try {
            final Message message = request == null ? null : Codec.decode(request, packet.payload(), descriptors.count());
            LOG.debug("port {}: {} flags 0x{} descriptors {}", port.name(), message == null ? name : message,
                Integer.toHexString(header.flags()), descriptors.count());
            checkNegotiated(request);
            mayRefuse = request.reply() == Request.Reply.ACK;
            final Outcome outcome = carryOut(message, descriptors);
            return outcome instanceof Outcome.Done && acknowledges(header) ? new Outcome.Reply(Codec.number(0)) : outcome;
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
            throw ProtocolException.refused("not known");
        }
        final ProtocolFeature needed = request.needs();
        if (needed != null && !needed.in(protocolFeatures | (offeredProtocol & ProtocolFeature.ENOUGH_WHEN_OFFERED))) {
            throw ProtocolException.refused("protocol feature " + needed + " is not negotiated");
        }
    }

    /** Does what a request says. */
    private Outcome carryOut(final Message message, final Descriptors descriptors) {
        switch (message) {
            case Message.GetFeatures _ -> {
                return new Outcome.Reply(Codec.number(offered));
            }
            case Message.SetFeatures m -> setFeatures(m.features());
            case Message.SetOwner _ -> { /* Nothing depends on it. */ }
            case Message.ResetOwner _ -> suspension.resetOwner();
            case Message.SetMemTable _, Message.AddMemReg _, Message.RemMemReg _, Message.MemoryConfirmed _, Message.PostcopyListen _,
                 Message.PostcopyEnd _ -> {
                return Outcome.of(memory.serve(message, descriptors));
            }
            case Message.SetLogBase m -> {
                return new Outcome.Reply(log.base(m, descriptors));
            }
            case Message.SetLogFd _ -> log.event(relay.notification(descriptors.take(0)));
            case Message.SetVringNum m -> rings.size(m.index(), m.num());
            case Message.SetVringAddr m -> rings.address(m);
            case Message.SetVringBase m -> rings.base(m.index(), m.num());
            case Message.SetVringEndian m -> rings.endian(m.index(), m.num());
            case Message.GetVringBase m -> {
                suspension.ringStops(rings.anyRunning());
                return new Outcome.Reply(Codec.vringState(m.index(), rings.stop(m.index())));
            }
            case Message.SetVringFd m ->
                rings.event(m.request(), m.index(), m.hasDescriptor() ? event(m, descriptors.take(0)) : null);
            case Message.GetProtocolFeatures _ -> {
                return new Outcome.Reply(Codec.number(offeredProtocol));
            }
            case Message.SetProtocolFeatures m -> setProtocolFeatures(m.features());
            case Message.GetQueueNum _ -> {
                return new Outcome.Reply(Codec.number(rings.limit()));
            }
            case Message.SetVringEnable m -> rings.enable(m.index(), m.num());
            case Message.SendRarp m -> migration.announce(m.address());
            case Message.NetSetMtu m -> configChanged(config.mtu(m.mtu()));
            case Message.SetBackendReqFd _ ->
                channel(BackendChannel.over(descriptors.take(0), ProtocolFeature.REPLY_ACK.in(protocolFeatures), port.name(),
                    suspension::silences));
            case Message.Config m when m.request() == Request.GET_CONFIG -> {
                final Message.Config content = config.read(m);
                return new Outcome.Reply(content == null ? new byte[0] : Codec.encode(content));
            }
            case Message.Config m -> config.write(m);
            case Message.VringKick m -> rings.kick(m.index(), m.num());
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
            case Message.SetStatus m -> suspension.status(m.status(), features);
            case Message.GetStatus _ -> {
                return new Outcome.Reply(Codec.number(suspension.status()));
            }
            case Message.Suspend _ -> suspension.suspend();
            case Message.Resume _ -> suspension.resume();
            case Message.GetSharedObject m -> {
                return new Outcome.Reply(Codec.encode(m)); // with no descriptor: there are no objects
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
        // Before the features are known, any layout may come.
        try (MemFd area = inflight.create(wanted, features == 0 || Features.has(features, Features.RING_PACKED))) {
            final byte[] reply =
                Codec.encode(new Message.InflightFd(wanted.request(), area.size(), 0, wanted.queues(), wanted.queueSize()));
            return new Outcome.Reply(reply, Fd.duplicate(area.fd()));
        }
    }

    private void setFeatures(final long wanted) {
        if ((wanted & ~offered) != 0) {
            throw ProtocolException.refused("features " + VirtioFeatures.names(wanted & ~offered) + " are not offered; allowed: "
                + VirtioFeatures.names(offered));
        }
        if (rings.anyRunning() && ((wanted ^ features) & ~Features.of(Features.LOG_ALL)) != 0) {
            throw ProtocolException.refused("features change from " + VirtioFeatures.names(features) + " to "
                + VirtioFeatures.names(wanted) + " while rings run; only log_all may");
        }
        if (wanted != features) {
            LOG.info("port {}: features {}", port.name(), VirtioFeatures.names(wanted));
        }
        features = wanted;
        port.features(wanted);
        log.wanted(Features.has(wanted, Features.LOG_ALL));
        rings.features(wanted, !protocolFeaturesSet && !Features.has(wanted, Features.PROTOCOL_FEATURES));
    }

    private void setProtocolFeatures(final long wanted) {
        final long unknown = wanted & ~offeredProtocol;
        if (unknown != 0) {
            throw ProtocolException.refused("protocol features " + ProtocolFeature.names(unknown) + " are not offered; allowed: "
                + ProtocolFeature.names(offeredProtocol));
        }
        if (ProtocolFeature.INBAND_NOTIFICATIONS.in(wanted) && (wanted & INBAND_NEEDS) != INBAND_NEEDS) {
            throw ProtocolException.fatal("in-band notifications without " + ProtocolFeature.names(INBAND_NEEDS & ~wanted));
        }
        if (wanted != protocolFeatures) {
            LOG.info("port {}: protocol features {}", port.name(), ProtocolFeature.names(wanted));
        }
        protocolFeatures = wanted;
        protocolFeaturesSet = true;
        if (!ProtocolFeature.STATUS.in(wanted)) {
            suspension.statusNotNegotiated();
        }
        rings.channels(inband(), channel);
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

    /** Takes over the socket for the back-end's own requests in place of an earlier one; null where there is none any more. */
    private void channel(final BackendChannel next) {
        final BackendChannel old = channel;
        channel = next;
        rings.channels(inband(), next);
        if (old != null) {
            old.close();
        }
    }

    /** Where notifications go that have no descriptor; null where they go nowhere. */
    private BackendChannel inband() {
        return ProtocolFeature.INBAND_NOTIFICATIONS.in(protocolFeatures) ? channel : null;
    }

    private void reset() {
        rings.reset();
        log.wanted(false);
        features = 0;
        suspension.reset();
        config.forgetMtu();
        port.features(0);
    }
}
