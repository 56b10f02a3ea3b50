package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Message.Region;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.ring.Features;
import org.junit.jupiter.api.Test;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests what a session offers, what it refuses, and which messages end it. */
class SessionTest extends SessionFixture {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);

    @Test
    void offersOnlyServedFeatures() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            assertEquals(Offer.virtio(2), peer.number(new Message.GetFeatures()));
            assertEquals(TestPeer.PROTOCOL, peer.number(new Message.GetProtocolFeatures()));
            assertEquals(5, peer.number(new Message.GetQueueNum()), "the number of vrings");
            peer.negotiated(PLAIN);
            assertEquals(509, peer.number(new Message.GetMaxMemSlots()));
        }
        final long one = Offer.virtio(1);
        assertTrue(Features.has(one, Features.VERSION_1) && Features.has(one, Features.PROTOCOL_FEATURES));
        for (final int bit : new int[] {Features.MQ, Features.CTRL_VQ, Features.GUEST_ANNOUNCE}) {
            assertFalse(Features.has(one, bit));
        }
    }

    @Test
    void theMaskLimitsTheOffer() throws Exception {
        final Path other = directory.resolve("masked");
        try (SwitchFixture masked = new SwitchFixture(other, 1, BackendOptions.server(other).withFeatureMask(PLAIN));
             TestPeer peer = masked.peer()) {
            assertEquals(PLAIN, peer.number(new Message.GetFeatures()));
            peer.negotiated(PLAIN);
            assertEquals(1, peer.ack(new Message.SetFeatures(PLAIN | Features.of(Features.IN_ORDER))));
        }
    }

    @Test
    void acknowledgementsHaveToBeNegotiated() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            peer.send(Request.SET_OWNER, Header.VERSION | Header.NEED_REPLY, new byte[0]);
            peer.send(Request.GET_FEATURES, Header.VERSION | Header.NEED_REPLY, new byte[0]);
            assertEquals(Offer.virtio(2), peer.replyTo(Request.GET_FEATURES),
                "no acknowledgement comes before this reply");
            peer.negotiated(PLAIN);
            assertEquals(0, peer.ack(new Message.SetOwner()));
            peer.send(Request.GET_FEATURES, Header.VERSION | Header.NEED_REPLY, new byte[0]);
            assertEquals(Offer.virtio(2), peer.replyTo(Request.GET_FEATURES));
            assertEquals(5, peer.number(new Message.GetQueueNum()), "a reply is not followed by an acknowledgement");
        }
    }

    @Test
    void valuesOutOfRangeAreRefusedAndTheSessionContinues() throws Exception {
        final List<Message> bad = List.of(
            new Message.SetFeatures(Features.of(Features.NOTIFY_ON_EMPTY)), new Message.SetFeatures(-1),
            new Message.SetProtocolFeatures(-1),
            new Message.SetVringNum(0, 0), new Message.SetVringNum(0, 3), new Message.SetVringNum(0, 65536),
            new Message.SetVringNum(0, -1), new Message.SetVringNum(4, 256), new Message.SetVringNum(0x10000, 256),
            new Message.SetVringNum(-1, 256), new Message.SetVringBase(4, 0), new Message.SetVringBase(0, 65536),
            new Message.SetVringBase(Integer.MIN_VALUE, 0), new Message.SetVringEnable(4, 1),
            new Message.SetVringEnable(0, 2),
            new Message.SetVringAddr(5, 0, 0, 0, 0, 0), new Message.SetVringAddr(0, 0, 8, 0, 0, 0),
            new Message.SetVringAddr(0, 0, 0, 2, 0, 0), new Message.SetVringAddr(0, 0, 0, 0, 1, 0),
            new Message.NetSetMtu(0), new Message.NetSetMtu(67), new Message.NetSetMtu(1501),
            new Message.NetSetMtu(1L << 63),
            new Message.SetVringFd(Request.SET_VRING_CALL, 4, false),
            new Message.SetVringFd(Request.SET_VRING_KICK, 255, false),
            new Message.SendRarp(0), new Message.SendRarp(1), new Message.SendRarp(0xFFFFL << 48),
            new Message.CheckDeviceState());
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN);
            for (final Message message : bad) {
                assertEquals(1, peer.ack(message), message::toString);
            }
            peer.connection.send(9999, Header.VERSION | Header.NEED_REPLY, new byte[16]);
            try (Packet reply = peer.receive()) {
                assertEquals(new Header(9999, 5, 8), reply.header());
            }
            for (final long mtu : new long[] {68, 1500}) {
                assertEquals(0, peer.ack(new Message.NetSetMtu(mtu)));
            }
            assertEquals(0, peer.ack(new Message.SetFeatures(PLAIN)));
            peer.send(TestPeer.table(), guest.fd());
            peer.send(new Message.SetVringNum(0, 256));
            peer.send(TestPeer.address(0));
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, 0, false)));
            assertEquals(0, peer.ack(new Message.SetFeatures(PLAIN)), "the same features while rings run");
            assertEquals(1, peer.ack(new Message.SetFeatures(PLAIN | Features.of(Features.IN_ORDER))),
                "other features");
            assertEquals(1, peer.ack(new Message.SetVringFd(Request.SET_VRING_CALL, 0, true), guest.fd()),
                "not a descriptor for notifications");
            assertEquals(1, peer.ack(new Message.SetMemTable(List.of(new Region(0, 1L << 40, 0, 0))), guest.fd()),
                "a short file");
            assertEquals(1, peer.ack(new Message.SetMemTable(List.of(new Region(-4096, 8192, 0, 0))), guest.fd()),
                "an overflow");
            assertTrue(fixture.started(0));
        }
        for (final Message message : bad) {
            try (TestPeer peer = fixture.peer()) {
                peer.negotiated(PLAIN);
                peer.send(message);
                assertTrue(peer.ended(), () -> "without an acknowledgement the connection ends: " + message);
            }
        }
    }

    @Test
    void malformedMessagesEndOnlyTheirConnection() throws Exception {
        final List<byte[]> bytes = List.of(
            header(1, 0, 0), header(1, 2, 0), header(1, 5, 0), header(1, 1, 65537), header(1, 1, -1),
            header(8, 9, 7, new byte[7]),
            header(5, 9, 8, new byte[] {1, 0, 0, 0, 0, 0, 0, 0}), header(41, 9, 3, new byte[3]), header(2, 1, 0),
            header(0x10001, 1, 0));
        for (final byte[] message : bytes) {
            try (TestPeer peer = fixture.peer()) {
                peer.negotiated(PLAIN);
                peer.connection.sendBytes(message);
                assertTrue(peer.ended());
            }
        }
        for (final int length : new int[] {1, 11, 12, 15}) {
            try (TestPeer peer = fixture.peer()) {
                peer.connection.sendBytes(Arrays.copyOf(header(2, 1, 8, new byte[8]), length),
                    guest.event.fd());
            }
        }
        try (TestPeer peer = fixture.peer()) {
            assertEquals(Offer.virtio(2), peer.number(new Message.GetFeatures()));
        }
    }

    private static byte[] header(final int request, final int flags, final int size, final byte... payload) {
        final ByteBuffer out = ByteBuffer.wrap(new byte[Header.BYTES + payload.length]);
        new Header(request, flags, size).encode(out);
        return out.put(payload).array();
    }

    @Test
    void messagesMayArriveInPieces() throws Exception {
        final byte[] message = header(Request.SET_VRING_CALL.id(), 9, 8, new byte[8]);
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN);
            for (int i = 0; i < message.length; i++) {
                final byte[] piece = {message[i]};
                if (i == 0) {
                    peer.connection.sendBytes(piece, guest.event.fd());
                } else {
                    peer.connection.sendBytes(piece);
                }
            }
            assertEquals(0, peer.replyTo(Request.SET_VRING_CALL));
        }
    }
}
