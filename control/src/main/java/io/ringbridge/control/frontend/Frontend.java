package io.ringbridge.control.frontend;

import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A front-end: attaches a guest of this process to a back-end, as QEMU attaches a virtual machine.
 *
 * <p>In order: {@link #connect}, {@link #negotiate}, {@link #share}, {@link #addPair} once a pair, {@link #start}; then frames go.
 * Owned by one thread. A back-end that refuses makes a {@link ProtocolException}, a connection that breaks an {@code IOException}.
 */
public final class Frontend implements AutoCloseable {
    /** What a plain guest wants; what the back-end does not offer is left out. */
    public static final long DEFAULT_FEATURES = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.INDIRECT_DESC, Features.MQ,
        Features.CTRL_VQ);

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
    private GuestRam ram;
    private boolean logging;

    private Frontend(final Connection connection) {
        this.connection = connection;
    }

    /** Connects to a back-end that listens. */
    public static Frontend connect(final Path socket) throws IOException {
        return new Frontend(Connection.connect(socket));
    }

    /** Speaks on a connected socket, which is taken over. */
    public static Frontend over(final Connection connection) {
        return new Frontend(connection);
    }

    /**
     * Agrees on features: those of {@code wanted} that the back-end offers.
     *
     * @return the virtio features agreed on
     */
    public long negotiate(final long wanted) throws IOException {
        final long offered = query(new Message.GetFeatures());
        features = offered & (wanted | Features.of(Features.PROTOCOL_FEATURES));
        if (Features.has(features, Features.PROTOCOL_FEATURES)) {
            protocolFeatures = query(new Message.GetProtocolFeatures()) & PROTOCOL_FEATURES;
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

    /** The virtio features agreed on. */
    public long features() {
        return features;
    }

    /** The protocol features agreed on. */
    public long protocolFeatures() {
        return protocolFeatures;
    }

    /** What the back-end says to GET_QUEUE_NUM: vrings, or pairs with some; 2 where it was not asked. */
    public int maxVrings() {
        return maxVrings;
    }

    /** Makes guest memory of so many bytes, and shares it; closed with this. */
    public GuestRam share(final long bytes) throws IOException {
        return share(GuestRam.create("ringbridge-guest", bytes));
    }

    /** Makes this the guest's memory; closed with the front-end. */
    public GuestRam share(final GuestRam memory) throws IOException {
        if (ram != null) {
            throw new IllegalStateException("memory is shared already");
        }
        ram = memory;
        shareRam();
        return ram;
    }

    private void shareRam() throws IOException {
        command(new Message.SetMemTable(List.of(new Message.Region(GuestRam.GUEST_ADDRESS, ram.size(), ram.address(), 0))),
            ram.file().fd());
    }

    /** Makes a queue pair of two queues of the same shape. */
    public QueuePair addPair(final int size, final int bufferLength) {
        final QueueShape shape = new QueueShape(size, bufferLength);
        return addPair(shape, shape);
    }

    /** Makes a queue pair in the guest's memory; {@link #start} announces it. */
    public QueuePair addPair(final QueueShape transmitting, final QueueShape receiving) {
        if (ram == null) {
            throw new IllegalStateException("memory has to be shared before queues are made in it");
        }
        final Vring receive = new Vring(vrings.size(), receiving.size(), features, ram);
        vrings.add(receive);
        final Vring transmit = new Vring(vrings.size(), transmitting.size(), features, ram);
        vrings.add(transmit);
        return new QueuePair(receive.index / 2,
            new Transmitter(transmit, ram, features, transmitting.bufferLength() - Features.headerLength(features)),
            new Receiver(receive, ram, features, receiving.bufferLength()));
    }

    /** Starts and enables every ring, from where {@link #stop} left it. */
    public void start() throws IOException {
        for (final Vring vring : vrings) {
            vring.ring.publish();
            command(new Message.SetVringNum(vring.index, vring.ring.size()));
            command(new Message.SetVringBase(vring.index, vring.base));
            command(addresses(vring));
            event(Request.SET_VRING_KICK, vring, vring.kick);
            event(Request.SET_VRING_CALL, vring, vring.call);
            if (Features.has(features, Features.PROTOCOL_FEATURES)) {
                command(new Message.SetVringEnable(vring.index, 1));
            }
            vring.kick.signal();
            vring.started = true;
        }
        status(ACKNOWLEDGE_AND_DRIVER | FEATURES_OK | DRIVER_OK);
    }

    /**
     * Attaches the guest again, after its back-end has gone without a word: with the features, the memory and the rings
     * that it has. As with QEMU, rings are enabled before they are started, and each is announced with the position of
     * its last start, wherever it has got since.
     */
    public void reconnect(final Path socket) throws IOException {
        connection.close();
        connection = Connection.connect(socket);
        negotiate(features);
        shareRam();
        if (Features.has(features, Features.PROTOCOL_FEATURES)) {
            for (final Vring vring : vrings) {
                command(new Message.SetVringEnable(vring.index, 1));
            }
        }
        start();
    }

    private Message addresses(final Vring vring) {
        final RingAddresses at = vring.ring.addresses();
        return new Message.SetVringAddr(vring.index, logging ? LOG_RING : 0, at.descriptors(), at.device(), at.driver(),
            ram.guestAddress(at.device()));
    }

    /**
     * Gives the back-end a bitmap for what it writes to the guest's memory, in place of the one it has: when this returns it has left
     * that. It writes none before {@link #logging} is turned on.
     *
     * @param file the bitmap, from its beginning; it stays the caller's
     */
    public void logTo(final MemFd file) throws IOException {
        final Message request = new Message.SetLogBase(file.size(), 0);
        send(request, Header.VERSION, file.fd());
        reply(request.request()).close();
    }

    /** Turns the back-end's log on or off, for buffers and rings, while they run or before they are started. */
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
        command(new Message.SetVringFd(request, vring.index, true), event.fd());
    }

    /** Enables or disables both rings of a pair. */
    public void enable(final QueuePair pair, final boolean enabled) throws IOException {
        command(new Message.SetVringEnable(2 * pair.index(), enabled ? 1 : 0));
        command(new Message.SetVringEnable(2 * pair.index() + 1, enabled ? 1 : 0));
    }

    /** Stops every ring; the back-end touches no memory after this returns. */
    public void stop() throws IOException {
        for (final Vring vring : vrings) {
            final Message request = new Message.GetVringBase(vring.index);
            send(request, Header.VERSION);
            try (Packet reply = reply(request.request())) {
                vring.base = Codec.vringNumber(reply.payload(), vring.index);
            }
            vring.started = false;
        }
        status(0);
    }

    /** Suspends the device: when this returns it has given back all it took, and leaves memory alone until {@link #resume}. */
    public void suspend() throws IOException {
        command(new Message.Suspend());
    }

    /** Lets a suspended device go on. */
    public void resume() throws IOException {
        command(new Message.Resume());
    }

    /** Sets the virtio device status, where the back-end takes it. */
    public void status(final int status) throws IOException {
        if (ProtocolFeature.STATUS.in(protocolFeatures)) {
            command(new Message.SetStatus(status));
        }
    }

    /**
     * Sends a request that has no reply of its own, and waits until it is done where the back-end can say so.
     *
     * @throws ProtocolException when the back-end refuses
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

    /** Sends a request whose reply is a 64-bit number. */
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
            throw new IOException("the back-end ended the connection at " + request);
        }
        if (packet.header().request() != request.id() || packet.header().flags() != REPLY_FLAGS) {
            packet.close();
            throw ProtocolException.fatal("the back-end replies to " + request + " with " + packet.header());
        }
        return packet;
    }

    /** Ends the connection and frees the guest's memory. No thread may use its queues any more. */
    @Override
    public void close() {
        connection.close();
        vrings.forEach(Vring::close);
        if (ram != null) {
            ram.close();
        }
    }
}
