package io.ringbridge.control.backend;

import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the configuration space, and the message that reports a change. */
class NetConfigTest {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.PROTOCOL_FEATURES);
    private static final String OURS = "525400000009" + "0100" + "0200" + "dc05" + "ffffffff" + "ff" + "00" + "0000"
        + "00000000";
    private static final byte[] NONE = {};

    @TempDir
    Path directory;
    private SwitchFixture fixture;

    @BeforeEach
    void start() {
        final Path socket = directory.resolve("s");
        fixture = new SwitchFixture(socket, 2,
            BackendOptions.server(socket).withMac(MacAddress.parse("52:54:00:00:00:09")));
    }

    @AfterEach
    void end() {
        fixture.close();
    }

    private static Message.Config config(final Request request, final int offset, final int size, final int flags,
        final byte... bytes) {
        return new Message.Config(request, offset, size, flags, ByteBuffer.wrap(bytes));
    }

    /** Returns the bytes at an offset in hexadecimal, or null if the reply is empty. */
    private static String read(final TestPeer peer, final int offset, final int size, final int sent)
        throws IOException {
        peer.send(config(Request.GET_CONFIG, offset, size, 1, new byte[sent]));
        try (Packet reply = peer.receive()) {
            if (reply.payload().length == 0) {
                return null;
            }
            final Message.Config content = (Message.Config) Codec.decode(Request.GET_CONFIG, reply.payload(), 0);
            assertEquals(offset, content.offset());
            assertEquals(size, content.size());
            assertEquals(1, content.flags());
            final byte[] bytes = new byte[content.bytes().remaining()];
            content.bytes().get(bytes);
            assertEquals(size, bytes.length);
            return HexFormat.of().formatHex(bytes);
        }
    }

    private static String read(final TestPeer peer, final int offset, final int size) throws IOException {
        return read(peer, offset, size, size);
    }

    @Test
    void everyPartOfTheSpaceIsServedAndNothingBeyondIt() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            assertTrue(Features.has(peer.number(new Message.GetFeatures()), Features.MAC));
            peer.negotiated(PLAIN);
            for (int offset = 0; offset < 24; offset++) {
                for (int size = 1; size <= 24 - offset; size++) {
                    assertEquals(OURS.substring(2 * offset, 2 * (offset + size)), read(peer, offset, size));
                }
            }
            assertNull(read(peer, 0, 25));
            assertNull(read(peer, 24, 1));
            assertNull(read(peer, -1, 1));
            assertNull(read(peer, Integer.MAX_VALUE, 24));
            assertNull(read(peer, 0, 0));
            assertNull(read(peer, 0, 6, 7), "the size is not that of the payload");
            assertNull(read(peer, 0, -1, 6));
            assertEquals(OURS, read(peer, 0, 24), "the session serves requests");
        }
        assertFalse(Features.has(Offer.virtio(1), Features.MAC), "no address is offered if none is configured");
    }

    @Test
    void fieldsAreOnlyWrittenInAMigration() throws Exception {
        final byte[] source = HexFormat.of()
            .parseHex(OURS.replace("525400000009", "525400000007").replace("dc05", "7805"));
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN);
            assertEquals(1, peer.ack(config(Request.SET_CONFIG, 0, 24, 0, source)));
            assertEquals(1, peer.ack(config(Request.SET_CONFIG, 0, 6, 0, new byte[6])));
            assertEquals(1, peer.ack(config(Request.SET_CONFIG, 0, 24, 2, source)));
            assertEquals(1, peer.ack(config(Request.SET_CONFIG, 20, 6, 1, new byte[6])));
            assertEquals(1, peer.ack(config(Request.SET_CONFIG, -1, 1, 1, new byte[1])));
            assertEquals(1, peer.ack(config(Request.SET_CONFIG, 0, 6, 1, HexFormat.of().parseHex("010000000000"))),
                "a group address");
            assertEquals(1, peer.ack(config(Request.SET_CONFIG, 6, 2, 1, (byte) 0, (byte) 0)),
                "the link state is the switch's");
            assertEquals(1, peer.ack(config(Request.SET_CONFIG, 8, 2, 1, (byte) 9, (byte) 0)),
                "the number of queues is the switch's");
            assertEquals(1, peer.ack(config(Request.SET_CONFIG, 10, 2, 1, (byte) 0xDD, (byte) 5)),
                "more than the port's MTU");
            final byte[] tooLong = Arrays.copyOf(source, 24);
            tooLong[11] = (byte) 0xFF;
            assertEquals(1, peer.ack(config(Request.SET_CONFIG, 0, 24, 1, tooLong)));
            assertEquals(OURS, read(peer, 0, 24), "a refused write changes nothing");
            assertEquals(0, peer.ack(config(Request.SET_CONFIG, 0, 24, 1, source)));
            assertEquals(HexFormat.of().formatHex(source), read(peer, 0, 24));
            assertEquals(1400, fixture.port.mtu());
        }
        fixture.awaitDetached();
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN);
            assertEquals(OURS, read(peer, 0, 24), "the next front-end finds the configured values");
        }
    }

    @Test
    void aChangeIsReported() throws Exception {
        try (TestPeer peer = fixture.peer(); RequestSocket requests = new RequestSocket()) {
            peer.negotiated(PLAIN);
            assertEquals(0, requests.giveTo(peer));
            assertEquals(0, peer.ack(new Message.NetSetMtu(1500)), "no change");
            assertEquals(0, peer.ack(new Message.NetSetMtu(1400)));
            requests.expect(BackendRequest.CONFIG_CHANGE_MSG, NONE);
            assertEquals("7805", read(peer, 10, 2));
            for (int mtu = 1000; mtu < 1400; mtu++) {
                assertEquals(0, peer.ack(new Message.NetSetMtu(mtu)), "the reply to the message is pending");
            }
            requests.acknowledge(BackendRequest.CONFIG_CHANGE_MSG, 0);
            requests.expect(BackendRequest.CONFIG_CHANGE_MSG, NONE);
            requests.acknowledge(BackendRequest.CONFIG_CHANGE_MSG, 1);
            assertEquals(0, peer.ack(new Message.NetSetMtu(1234)), "a refusal changes nothing");
            requests.expect(BackendRequest.CONFIG_CHANGE_MSG, NONE);
            requests.acknowledge(BackendRequest.VRING_CALL, 0);
            assertNull(requests.receive(), "a front-end that sends a wrong reply gets no more requests");
            assertEquals(0, peer.ack(new Message.NetSetMtu(1235)), "the session serves its requests nevertheless");
        }
    }

    @Test
    void aSuspendedDeviceReportsAChangeOnResume() throws Exception {
        try (TestPeer peer = fixture.peer(); RequestSocket first = new RequestSocket();
             RequestSocket requests = new RequestSocket()) {
            peer.negotiated(PLAIN);
            assertEquals(0, first.giveTo(peer));
            assertEquals(0, peer.ack(new Message.Suspend()));
            assertEquals(0, peer.ack(new Message.NetSetMtu(1400)));
            assertTrue(first.isSilent());
            assertEquals(0, peer.ack(new Message.Resume()));
            first.expect(BackendRequest.CONFIG_CHANGE_MSG, NONE);
            assertEquals(0, peer.ack(new Message.Suspend()), "the reply to the message is pending");
            assertEquals(0, requests.giveTo(peer));
            for (int mtu = 1300; mtu < 1310; mtu++) {
                assertEquals(0, peer.ack(new Message.NetSetMtu(mtu)));
            }
            assertEquals("1d05", read(peer, 10, 2));
            assertTrue(requests.isSilent(), "a socket set during the suspension is silent");
            assertEquals(0, peer.ack(new Message.Resume()));
            requests.expect(BackendRequest.CONFIG_CHANGE_MSG, NONE);
            requests.acknowledge(BackendRequest.CONFIG_CHANGE_MSG, 0);
            assertTrue(requests.isSilent(), "one message for all changes");
            fixture.port.suspend(SuspendCause.OPERATOR);
            assertEquals(0, peer.ack(new Message.NetSetMtu(1200)));
            assertTrue(requests.isSilent());
            fixture.port.resume(SuspendCause.OPERATOR);
            requests.expect(BackendRequest.CONFIG_CHANGE_MSG, NONE);
        }
    }

    private static Guest attached(final Path socket) throws IOException {
        return Guest.attach(socket, Frontend.DEFAULT_FEATURES, new QueueShape(256, 2048));
    }

    private static byte[] broadcast(final int payload) {
        final byte[] frame = new byte[14 + payload];
        Arrays.fill(frame, 0, 6, (byte) 0xFF);
        frame[6] = 2;
        return frame;
    }

    /** Sends one frame that exceeds the limit and one that just meets it, and waits for the second. */
    private void assertLimit(final QueuePair from, final QueuePair to, final int limit) {
        assertEquals(limit, fixture.port.mtu());
        final long before = fixture.port.statistics().drops().getOrDefault(DropReason.MTU_EXCEEDED, 0L);
        assertTrue(from.transmitter().transmit(broadcast(limit + 1)));
        assertTrue(from.transmitter().transmit(broadcast(limit)));
        Await.until(to.receiver()::poll);
        assertEquals(14 + limit, to.receiver().frame().length);
        assertEquals(before + 1, fixture.port.statistics().drops().get(DropReason.MTU_EXCEEDED));
    }

    @Test
    void theMtuLimitsDeliveryUntilTheFrontEndLeaves() throws Exception {
        final GuestPort sender = fixture.datapath.addGuestPort("b", 1, 9000);
        try (Backend _ = Backend.open(sender, BackendOptions.server(directory.resolve("b")));
             Guest sending = attached(directory.resolve("b"))) {
            final QueuePair from = sending.queues();
            for (int i = 0; i < 2; i++) {
                try (Guest receiving = attached(fixture.socket)) {
                    final QueuePair to = receiving.queues();
                    assertLimit(from, to, 1500);
                    for (final int mtu : new int[] {1000, 68, 1499}) {
                        receiving.frontend().command(new Message.NetSetMtu(mtu));
                        assertLimit(from, to, mtu);
                    }
                }
                fixture.awaitDetached();
                assertEquals(1500, fixture.port.mtu());
            }
            try (TestPeer peer = fixture.peer()) {
                peer.negotiated(PLAIN);
                assertEquals(0, peer.ack(new Message.NetSetMtu(1000)));
                assertEquals(1, peer.ack(new Message.NetSetMtu(1501)));
                assertEquals("e803", read(peer, 10, 2));
                assertEquals(0, peer.ack(new Message.ResetDevice()));
                assertEquals("dc05", read(peer, 10, 2), "the configured MTU");
                assertEquals(1500, fixture.port.mtu());
            }
        }
    }

    private static void change(final TestPeer peer, final int times) throws IOException {
        for (int i = 0; i < times; i++) {
            peer.send(new Message.NetSetMtu(1000 + i % 500));
            peer.number(new Message.GetQueueNum());
        }
    }

    @Test
    void aFrontEndThatReadsNothingCanSuspend() throws Exception {
        try (TestPeer peer = fixture.peer(); RequestSocket requests = new RequestSocket()) {
            peer.send(new Message.SetProtocolFeatures(TestPeer.PROTOCOL & ~ProtocolFeature.REPLY_ACK.mask()));
            peer.send(new Message.SetBackendReqFd(), requests.given());
            change(peer, 50);
            peer.send(new Message.Suspend());
            change(peer, 50);
            int sent = 0;
            while (!requests.isSilent()) {
                sent++;
            }
            assertTrue(sent <= 50, "no message is sent after SUSPEND");
            peer.send(new Message.Resume());
            requests.receive().close();
            assertTrue(requests.isSilent(), "one message for all changes on RESUME");
            change(peer, 5000); // more messages than a socket takes
            peer.send(new Message.Suspend());
            assertEquals(5, peer.number(new Message.GetQueueNum()));
        }
    }

    @Test
    void anInvalidSocketIsRefusedAndNoneStaysOpen() throws Exception {
        try (TestPeer peer = fixture.peer(); EventFd event = EventFd.create()) {
            peer.negotiated(PLAIN);
            assertEquals(1, peer.ack(new Message.SetBackendReqFd(), event.fd()));
            final List<RequestSocket> sockets = new ArrayList<>();
            for (int i = 0; i < 11; i++) {
                sockets.add(new RequestSocket());
            }
            final long before = OpenDescriptors.count();
            for (int i = 0; i < 10; i++) {
                assertEquals(0, sockets.get(i).giveTo(peer));
                assertEquals(0, peer.ack(new Message.NetSetMtu(1000 + i)));
                sockets.get(i).expect(BackendRequest.CONFIG_CHANGE_MSG, NONE);
                assertEquals(1, peer.ack(new Message.SetBackendReqFd(), event.fd()), "the socket that is set stays");
            }
            assertEquals(0, sockets.get(10).giveTo(peer));
            assertEquals(before + 1, OpenDescriptors.count());
            for (final RequestSocket socket : sockets) {
                socket.close();
            }
        }
    }
}
