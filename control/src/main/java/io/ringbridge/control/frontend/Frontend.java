package io.ringbridge.control.frontend;

import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.control.transport.Peer;
import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongUnaryOperator;

/**
 * A front-end: attaches a guest of this process to a back-end, as QEMU attaches a virtual machine.
 *
 * <p>Call {@link #connect}, {@link #negotiate}, {@link #share}, {@link #addPair} once per pair, and {@link #start}, in
 * this order; then frames move. Owned by one thread. If the back-end refuses a request, methods throw a
 * {@link ProtocolException}; if the connection breaks, an {@code IOException}.
 */
public final class Frontend implements AutoCloseable {
    /** The features that a plain guest wants. */
    public static final long DEFAULT_FEATURES = Features.of(Features.VERSION_1, Features.MRG_RXBUF,
        Features.INDIRECT_DESC, Features.MQ, Features.CTRL_VQ);

    private static final long PROTOCOL_FEATURES = ProtocolFeature.of(ProtocolFeature.MQ, ProtocolFeature.LOG_SHMFD,
        ProtocolFeature.REPLY_ACK, ProtocolFeature.STATUS, ProtocolFeature.SUSPEND);
    private static final int LOG_RING = 1;
    private static final int REPLY_FLAGS = Header.VERSION | Header.REPLY;
    private static final int PATIENCE = 20;
    private static final int ACKNOWLEDGE_AND_DRIVER = 3;
    private static final int FEATURES_OK = 8;
    private static final int DRIVER_OK = 4;

    private Connection connection;
    private final List<Vring> vrings = new ArrayList<>();
    private long features;
    private long protocolFeatures;
    private int maxVrings = 2;
    private @Nullable GuestRam ram;
    private boolean logging;

    private Frontend(final Connection connection) {
        this.connection = connection;
    }

    /** Connects to a listening back-end. */
    public static Frontend connect(final Path socket) throws IOException {
        return new Frontend(Connection.connect(socket));
    }

    /** Returns a front-end on a connected socket, which it owns. */
    public static Frontend over(final Connection connection) {
        return new Frontend(connection);
    }

    /**
     * Negotiates features: those of {@code wanted} that the back-end offers.
     *
     * @return the negotiated virtio features
     */
    public long negotiate(final long wanted) throws IOException {
        return negotiate(offered -> offered & (wanted | Features.of(Features.PROTOCOL_FEATURES)), PROTOCOL_FEATURES);
    }

    /**
     * Negotiates features.
     *
     * @param choice returns the virtio features to accept of those that the back-end offers
     * @param wantedProtocol the protocol features to accept
     * @return the negotiated virtio features
     */
    public long negotiate(final LongUnaryOperator choice, final long wantedProtocol) throws IOException {
        features = choice.applyAsLong(query(new Message.GetFeatures()));
        if (Features.has(features, Features.PROTOCOL_FEATURES)) {
            protocolFeatures = query(new Message.GetProtocolFeatures()) & wantedProtocol;
            send(new Message.SetProtocolFeatures(protocolFeatures), Header.VERSION);
            if (ProtocolFeature.MQ.in(protocolFeatures)) {
                maxVrings = (int) query(new Message.GetQueueNum());
            }
        }
        command(new Message.SetOwner());
        command(new Message.SetFeatures(features));
        status(ACKNOWLEDGE_AND_DRIVER | FEATURES_OK);
        return features;
    }

    /** Returns the negotiated virtio features. */
    public long features() {
        return features;
    }

    /** Returns the negotiated protocol features. */
    public long protocolFeatures() {
        return protocolFeatures;
    }

    /** Returns the back-end's reply to GET_QUEUE_NUM, in vrings or, with some back-ends, in pairs; 2 without MQ. */
    public int maxVrings() {
        return maxVrings;
    }

    /** Creates guest memory of that many bytes, and shares it. Closed with the front-end. */
    public GuestRam share(final long bytes) throws IOException {
        return share(GuestRam.create("ringbridge-guest", bytes));
    }

    /** Shares the given guest memory. Closed with the front-end. */
    public GuestRam share(final GuestRam memory) throws IOException {
        if (ram != null) {
            throw new IllegalStateException("memory is shared already");
        }
        ram = memory;
        shareRam();
        return memory;
    }

    private GuestRam ram() {
        if (ram == null) {
            throw new IllegalStateException("share memory before adding queues");
        }
        return ram;
    }

    private void shareRam() throws IOException {
        final Message.Region region = new Message.Region(GuestRam.GUEST_ADDRESS, ram().size(), ram().address(), 0);
        command(new Message.SetMemTable(List.of(region)), ram().file().fd());
    }

    /** Creates a queue pair of two queues of the same shape in the guest's memory. {@link #start} announces it. */
    public QueuePair addPair(final int size, final int bufferLength) {
        final QueueShape shape = new QueueShape(size, bufferLength);
        return addPair(shape, shape);
    }

    /** Creates a queue pair in the guest's memory. {@link #start} announces it. */
    public QueuePair addPair(final QueueShape transmitting, final QueueShape receiving) {
        final QueuePair pair = QueuePair.create(vrings.size() / 2, ram(), features, transmitting, receiving);
        vrings.add(new Vring(pair.receiver().queue(), features));
        vrings.add(new Vring(pair.transmitter().queue(), features));
        return pair;
    }

    /** Starts and enables every ring, from the position at which {@link #stop} stopped it. */
    public void start() throws IOException {
        for (final Vring vring : vrings) {
            vring.queue.ring().publish();
            command(new Message.SetVringNum(vring.index(), vring.queue.ring().size()));
            command(new Message.SetVringBase(vring.index(), vring.base));
            command(addresses(vring));
            event(Request.SET_VRING_KICK, vring, vring.queue.kick());
            event(Request.SET_VRING_CALL, vring, vring.queue.call());
            if (Features.has(features, Features.PROTOCOL_FEATURES)) {
                command(new Message.SetVringEnable(vring.index(), 1));
            }
            vring.queue.kick().signal();
            vring.started = true;
        }
        status(ACKNOWLEDGE_AND_DRIVER | FEATURES_OK | DRIVER_OK);
    }

    /**
     * Attaches the guest again after its back-end has died, with the guest's features, memory and rings. As in QEMU,
     * rings are enabled before they are started. Each is announced with the position of its last start, even if it has
     * moved since.
     */
    public void reconnect(final Path socket) throws IOException {
        connection.close();
        connection = Connection.connect(socket);
        negotiate(features);
        shareRam();
        if (Features.has(features, Features.PROTOCOL_FEATURES)) {
            for (final Vring vring : vrings) {
                command(new Message.SetVringEnable(vring.index(), 1));
            }
        }
        start();
    }

    private Message addresses(final Vring vring) {
        final RingAddresses at = vring.queue.ring().addresses();
        return new Message.SetVringAddr(vring.index(), logging ? LOG_RING : 0, at.descriptors(), at.device(),
            at.driver(), at.log());
    }

    /**
     * Sets the bitmap in which the back-end logs its writes to the guest's memory. When this returns, the back-end no
     * longer uses the previous one. The back-end logs nothing before {@link #logging} is turned on.
     *
     * @param file the bitmap, from the start of the file; the caller still owns it
     */
    public void logTo(final MemFd file) throws IOException {
        final Message request = new Message.SetLogBase(file.size(), 0);
        send(request, Header.VERSION, file.fd());
        reply(request.request()).close();
    }

    /** Turns the back-end's log on or off for buffers and rings. The rings may be running or not. */
    public void logging(final boolean on) throws IOException {
        logging = on;
        command(new Message.SetFeatures(on ? features | Features.of(Features.LOG_ALL) : features));
        for (final Vring vring : vrings) {
            if (vring.started) {
                command(addresses(vring));
            }
        }
    }

    private void event(final Request request, final Vring vring, final EventFd event) throws IOException {
        command(new Message.SetVringFd(request, vring.index(), true), event.fd());
    }

    /** Enables or disables both rings of a pair. */
    public void enable(final QueuePair pair, final boolean enabled) throws IOException {
        command(new Message.SetVringEnable(2 * pair.index(), enabled ? 1 : 0));
        command(new Message.SetVringEnable(2 * pair.index() + 1, enabled ? 1 : 0));
    }

    /** Stops every ring; the back-end touches no memory after this returns. */
    public void stop() throws IOException {
        for (final Vring vring : vrings) {
            final Message request = new Message.GetVringBase(vring.index());
            send(request, Header.VERSION);
            try (Packet reply = reply(request.request())) {
                vring.base = Codec.vringNumber(reply.payload(), vring.index());
            }
            vring.started = false;
        }
        status(0);
    }

    /** Returns the position at which {@link #stop} stopped a ring. */
    int base(final int vring) {
        return vrings.get(vring).base;
    }

    /**
     * Suspends the device. When this returns, it has completed every chain, and touches no memory until
     * {@link #resume}.
     */
    public void suspend() throws IOException {
        command(new Message.Suspend());
    }

    /** Resumes a suspended device. */
    public void resume() throws IOException {
        command(new Message.Resume());
    }

    /** Sets the virtio device status, if STATUS is negotiated. */
    public void status(final int status) throws IOException {
        if (ProtocolFeature.STATUS.in(protocolFeatures)) {
            command(new Message.SetStatus(status));
        }
    }

    /**
     * Sends a request that has no reply of its own. If REPLY_ACK is negotiated, waits for the acknowledgement.
     *
     * @throws ProtocolException if the back-end refuses
     */
    public void command(final Message message, final int... fds) throws IOException {
        if (!ProtocolFeature.REPLY_ACK.in(protocolFeatures)) {
            send(message, Header.VERSION, fds);
            return;
        }
        send(message, Header.VERSION | Header.NEED_REPLY, fds);
        try (Packet reply = reply(message.request())) {
            final long result = Codec.number(reply.payload());
            if (result != 0) {
                throw ProtocolException.refused("the back-end refuses " + message + " with " + result);
            }
        }
    }

    /** Sends a request whose reply is a 64-bit number, and returns that number. */
    public long query(final Message message) throws IOException {
        send(message, Header.VERSION);
        try (Packet reply = reply(message.request())) {
            return Codec.number(reply.payload());
        }
    }

    private void send(final Message message, final int flags, final int... fds) throws IOException {
        connection.send(message.request().id(), flags, Codec.encode(message), fds);
    }

    private Packet reply(final Request request) throws IOException {
        final int[] patience = {PATIENCE};
        final Packet packet = connection.receive(() -> {
            if (--patience[0] == 0) {
                throw ProtocolException.fatal("the back-end does not reply to " + request);
            }
        });
        if (packet == null) {
            throw new IOException("the back-end closed the connection before its reply to " + request);
        }
        if (packet.header().request() != request.id() || packet.header().flags() != REPLY_FLAGS) {
            packet.close();
            throw ProtocolException.fatal("the back-end replies to " + request + " with " + packet.header());
        }
        return packet;
    }

    /** Returns the process of the back-end. */
    public Peer peer() {
        return connection.peer();
    }

    /**
     * Waits for some time for the back-end to end the session. A message that arrives ends it too, because none is
     * expected between a reply and the next request.
     *
     * @return false if the session is over
     */
    public boolean isAttachedStill() {
        try (Packet unasked = connection.receive(this::refuseFragment, () -> true)) {
            return unasked == null && !connection.isOver();
        } catch (final IOException | ProtocolException e) {
            return false;
        }
    }

    private void refuseFragment() {
        if (connection.isHalfway()) {
            throw ProtocolException.fatal("the back-end sends a message that nobody asked for");
        }
    }

    /** Ends the conversation, so that a method that waits for the back-end throws. Any thread may call. */
    public void shutdown() {
        connection.shutdown();
    }

    /** Ends the connection and frees the guest's memory. No thread may use its queues any more. */
    @Override
    public void close() {
        connection.close();
        vrings.forEach(vring -> vring.queue.close());
        if (ram != null) {
            ram.close();
        }
    }
}
