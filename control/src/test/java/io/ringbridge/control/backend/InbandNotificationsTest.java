package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Path;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests notifications by message, for rings without descriptors. */
class InbandNotificationsTest extends SessionFixture {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.PROTOCOL_FEATURES);
    private static final long INBAND = TestPeer.PROTOCOL | ProtocolFeature.INBAND_NOTIFICATIONS.mask();
    private static final int TRANSMIT = 1;

    InbandNotificationsTest() {
        super(1, defaults -> defaults.with(ProtocolFeature.INBAND_NOTIFICATIONS));
    }

    /** Sends everything that the transmit ring needs except its descriptors. */
    private void setUp(final TestPeer peer) throws IOException {
        assertEquals(INBAND, peer.number(new Message.GetProtocolFeatures()));
        peer.send(new Message.SetProtocolFeatures(INBAND));
        peer.send(new Message.SetFeatures(PLAIN));
        peer.send(TestPeer.table(), guest.fd());
        peer.send(new Message.SetVringNum(TRANSMIT, 256));
        peer.send(TestPeer.address(TRANSMIT));
        peer.send(new Message.SetVringEnable(TRANSMIT, 1));
    }

    /** Makes the next buffer available. It is too short for a frame, but the device uses it nevertheless. */
    private void makeAvailable(final int number) {
        final long ring = guest.ring(TRANSMIT);
        Memory.putLong(ring, TestPeer.GUEST + 0x90000);
        Memory.putInt(ring + 8, 16);
        Memory.putShort(ring + 0x4004 + 2L * number, (short) 0);
        Memory.putShortRelease(ring + 0x4002, (short) (number + 1));
    }

    private int used() {
        return guest.used();
    }

    private static void call(final RequestSocket requests, final BackendRequest request) throws IOException {
        requests.expect(request, Codec.vringState(TRANSMIT, 0));
        requests.acknowledge(request, 0);
    }

    @Test
    void aRingIsStartedKickedAndNotifiedByMessages() throws Exception {
        try (TestPeer peer = fixture.peer(); RequestSocket requests = new RequestSocket()) {
            setUp(peer);
            assertEquals(0, requests.giveTo(peer));
            assertFalse(fixture.started(TRANSMIT));
            assertEquals(0, peer.ack(new Message.VringKick(TRANSMIT, 0)));
            assertTrue(fixture.started(TRANSMIT));
            call(requests, BackendRequest.VRING_CALL);
            for (int i = 0; i < 10; i++) {
                makeAvailable(i);
                assertEquals(0, peer.ack(new Message.VringKick(TRANSMIT, 0)));
                call(requests, BackendRequest.VRING_CALL);
                assertEquals(i + 1, used());
            }
            guest.available(30_000);
            assertEquals(0, peer.ack(new Message.VringKick(TRANSMIT, 0)));
            call(requests, BackendRequest.VRING_ERR);
            assertFalse(fixture.started(TRANSMIT));
            assertEquals(1, peer.ack(new Message.VringKick(TRANSMIT, 1)), "the number is reserved");
            assertEquals(1, peer.ack(new Message.VringKick(2, 0)), "no such ring");
        }
    }

    @Test
    void theSocketMayComeAfterTheRingAndDescriptorsArePreferred() throws Exception {
        try (TestPeer peer = fixture.peer(); RequestSocket requests = new RequestSocket();
             EventFd call = EventFd.create()) {
            setUp(peer);
            peer.send(new Message.SetVringFd(Request.SET_VRING_CALL, TRANSMIT, false));
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, TRANSMIT, false)));
            assertTrue(fixture.started(TRANSMIT));
            assertEquals(0, requests.giveTo(peer));
            call(requests, BackendRequest.VRING_CALL);
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_CALL, TRANSMIT, true), call.fd()));
            assertTrue(call.drain());
            makeAvailable(0);
            assertEquals(0, peer.ack(new Message.VringKick(TRANSMIT, 0)));
            Await.until(call::drain);
            assertEquals(0, peer.ack(new Message.NetSetMtu(1000)));
            requests.expect(BackendRequest.CONFIG_CHANGE_MSG, new byte[0]);
        }
    }

    @Test
    void aFrontEndThatDoesNotAnswerDelaysNothing() throws Exception {
        try (TestPeer peer = fixture.peer(); RequestSocket requests = new RequestSocket()) {
            setUp(peer);
            assertEquals(0, requests.giveTo(peer));
            for (int i = 0; i < 200; i++) {
                makeAvailable(i);
                assertEquals(0, peer.ack(new Message.VringKick(TRANSMIT, 0)));
                final int number = i;
                Await.until(() -> used() > number);
            }
            call(requests, BackendRequest.VRING_CALL);
            call(requests, BackendRequest.VRING_CALL);
        }
    }

    @Test
    void aSuspendedDeviceSendsItsRequestsOnResume() throws Exception {
        try (TestPeer peer = fixture.peer(); RequestSocket requests = new RequestSocket()) {
            setUp(peer);
            assertEquals(0, requests.giveTo(peer));
            assertEquals(0, peer.ack(new Message.VringKick(TRANSMIT, 0)));
            requests.expect(BackendRequest.VRING_CALL, Codec.vringState(TRANSMIT, 0));
            assertEquals(0, peer.ack(new Message.NetSetMtu(1000)), "its message waits for the pending reply");
            for (int i = 0; i < 3; i++) {
                makeAvailable(i);
                assertEquals(0, peer.ack(new Message.VringKick(TRANSMIT, 0)));
            }
            Await.until(() -> used() == 3);
            assertEquals(0, peer.ack(new Message.Suspend()), "SUSPEND does not wait for the pending reply");
            requests.acknowledge(BackendRequest.VRING_CALL, 0);
            assertTrue(requests.isSilent());
            assertEquals(0, peer.ack(new Message.VringKick(TRANSMIT, 0)));
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_CALL, TRANSMIT, false)));
            assertTrue(requests.isSilent());
            assertEquals(0, peer.ack(new Message.Resume()));
            requests.expect(BackendRequest.CONFIG_CHANGE_MSG, new byte[0]);
            requests.acknowledge(BackendRequest.CONFIG_CHANGE_MSG, 0);
            call(requests, BackendRequest.VRING_CALL);
            assertTrue(requests.isSilent(), "one call for all buffers");
        }
    }

    @Test
    void aDeviceWithAllRingsStoppedSendsNothingUntilOneStarts() throws Exception {
        try (TestPeer peer = fixture.peer(); RequestSocket requests = new RequestSocket()) {
            setUp(peer);
            assertEquals(0, requests.giveTo(peer));
            assertEquals(0, peer.ack(new Message.VringKick(TRANSMIT, 0)));
            requests.expect(BackendRequest.VRING_CALL, Codec.vringState(TRANSMIT, 0));
            makeAvailable(0);
            assertEquals(0, peer.ack(new Message.VringKick(TRANSMIT, 0)));
            Await.until(() -> used() == 1);
            assertEquals(1, Codec.vringNumber(peer.reply(new Message.GetVringBase(TRANSMIT)), TRANSMIT));
            assertEquals(0, peer.ack(new Message.NetSetMtu(1000)));
            requests.acknowledge(BackendRequest.VRING_CALL, 0);
            assertTrue(requests.isSilent());
            assertEquals(0, peer.ack(new Message.VringKick(TRANSMIT, 0)));
            assertTrue(fixture.started(TRANSMIT));
            requests.expect(BackendRequest.CONFIG_CHANGE_MSG, new byte[0]);
            requests.acknowledge(BackendRequest.CONFIG_CHANGE_MSG, 0);
            call(requests, BackendRequest.VRING_CALL);
        }
    }

    @Test
    void theFeatureNeedsTwoOthersAndAnOption() throws Exception {
        for (final ProtocolFeature missing : new ProtocolFeature[] {ProtocolFeature.BACKEND_REQ,
            ProtocolFeature.REPLY_ACK}) {
            try (TestPeer peer = fixture.peer()) {
                peer.send(new Message.SetProtocolFeatures(INBAND & ~missing.mask()));
                assertTrue(peer.ended());
            }
        }
        try (TestPeer peer = fixture.peer()) {
            peer.negotiated(PLAIN);
            assertEquals(1, peer.ack(new Message.VringKick(TRANSMIT, 0)), "not negotiated");
        }
        final Path other = directory.resolve("plain");
        try (SwitchFixture plain = new SwitchFixture(other, 1, BackendOptions.server(other));
             TestPeer peer = plain.peer()) {
            assertEquals(TestPeer.PROTOCOL, peer.number(new Message.GetProtocolFeatures()));
        }
    }
}
