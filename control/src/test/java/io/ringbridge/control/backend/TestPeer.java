package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.os.EventFd;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A front-end that sends any message, valid or not. */
final class TestPeer implements AutoCloseable {
    static final long MEMORY = 1 << 20;
    static final long GUEST = GuestRam.GUEST_ADDRESS;
    static final long USER = 0x7f00_0000_0000L;
    static final long PROTOCOL = ProtocolFeature.of(ProtocolFeature.MQ, ProtocolFeature.LOG_SHMFD, ProtocolFeature.RARP,
        ProtocolFeature.REPLY_ACK, ProtocolFeature.MTU, ProtocolFeature.BACKEND_REQ, ProtocolFeature.CONFIG,
        ProtocolFeature.INFLIGHT_SHMFD,
        ProtocolFeature.RESET_DEVICE, ProtocolFeature.CONFIGURE_MEM_SLOTS, ProtocolFeature.STATUS,
        ProtocolFeature.SUSPEND);

    /** The features that a port offers with PAGEFAULT, which excludes memory slots. */
    static final long BESIDE_POSTCOPY = PROTOCOL & ~ProtocolFeature.CONFIGURE_MEM_SLOTS.mask();

    final Connection connection;
    private long protocol = PROTOCOL;

    TestPeer(final Path socket) throws IOException {
        connection = Connection.connect(socket);
    }

    void send(final Request request, final int flags, final byte[] payload, final int... fds) throws IOException {
        connection.send(request.id(), flags, payload, fds);
    }

    void send(final Message message, final int... fds) throws IOException {
        send(message.request(), Header.VERSION, Codec.encode(message), fds);
    }

    /** Receives the next message, or null if the connection has ended. */
    Packet receive() {
        try {
            return connection.receive(() -> { });
        } catch (final IOException e) {
            return null;
        }
    }

    long number(final Message message, final int... fds) throws IOException {
        send(message, fds);
        return replyTo(message.request());
    }

    /** Sends a request with NEED_REPLY, and returns its acknowledgement: 0 for success. */
    long ack(final Message message, final int... fds) throws IOException {
        send(message.request(), Header.VERSION | Header.NEED_REPLY, Codec.encode(message), fds);
        return replyTo(message.request());
    }

    /** Sends a request, and returns the payload of its reply. */
    byte[] reply(final Message message) throws IOException {
        send(message);
        try (Packet reply = receive()) {
            return reply.payload();
        }
    }

    long replyTo(final Request request) {
        try (Packet reply = receive()) {
            if (reply == null) {
                throw new IllegalStateException("the connection ended before the reply to " + request);
            }
            if (reply.header().request() != request.id() || reply.header().flags() != 5
                || reply.descriptors().count() != 0) {
                throw new IllegalStateException("reply " + reply.header() + " to " + request);
            }
            return Codec.number(reply.payload());
        }
    }

    /** Stops a ring, and returns its position. */
    int base(final int vring) throws IOException {
        return Codec.vringNumber(reply(new Message.GetVringBase(vring)), vring);
    }

    /** Returns whether the back-end ends the connection without another message. */
    boolean ended() {
        try (Packet packet = receive()) {
            return packet == null;
        }
    }

    /** Sends everything that running rings of 256 entries need, from SET_FEATURES on. */
    TestPeer running(final long features, final PeerGuest guest, final int... vrings) throws IOException {
        negotiated(features);
        send(table(), guest.fd());
        for (final int vring : vrings) {
            start(vring, 256, 0, guest.event);
            send(new Message.SetVringEnable(vring, 1));
        }
        number(new Message.GetFeatures());
        return this;
    }

    /** Starts a ring that is not enabled yet, with one event for kicks and calls. */
    void start(final int vring, final int size, final int base, final EventFd event) throws IOException {
        send(new Message.SetVringNum(vring, size));
        send(new Message.SetVringBase(vring, base));
        send(address(vring));
        send(new Message.SetVringFd(Request.SET_VRING_CALL, vring, true), event.fd());
        send(new Message.SetVringFd(Request.SET_VRING_KICK, vring, true), event.fd());
    }

    /** Sets the protocol features to negotiate from now on. */
    TestPeer protocol(final long others) {
        protocol = others;
        return this;
    }

    TestPeer negotiated(final long features) throws IOException {
        send(new Message.SetProtocolFeatures(protocol));
        send(new Message.SetOwner());
        send(new Message.SetFeatures(features));
        return this;
    }

    static Message.SetMemTable table() {
        return new Message.SetMemTable(List.of(new Message.Region(GUEST, MEMORY, USER, 0)));
    }

    /** Returns the addresses of a ring at a multiple of 64 KiB. */
    static Message.SetVringAddr address(final int vring) {
        final long at = USER + (vring << 16);
        return new Message.SetVringAddr(vring, 0, at, at + 0x8000, at + 0x4000, 0);
    }

    @Override
    public void close() {
        connection.close();
    }
}
