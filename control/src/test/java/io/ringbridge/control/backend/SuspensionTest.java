package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests the causes of a suspension, and the behaviour of a suspended port. */
class SuspensionTest extends SessionFixture {
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF, Features.PROTOCOL_FEATURES);
    private static final int READY = 0x0B;
    private static final int RUNS = 0x0F;
    private static final int SUSPEND_BIT = 0x10;
    private static final int NEEDS_RESET = 0x40;

    /** Lets the worker complete some duty cycles, in which it would serve any ring that it may serve. */
    private void runDutyCycles() {
        for (int i = 0; i < 3; i++) {
            fixture.port.enableRing(3, false);
        }
    }

    @Test
    void suspensionIsNegotiated() throws Exception {
        try (TestPeer peer = fixture.peer()) {
            peer.send(new Message.SetProtocolFeatures(ProtocolFeature.REPLY_ACK.mask()));
            for (final Message message : List.of(new Message.Suspend(), new Message.Resume(),
                new Message.GetSharedObject(1, 2))) {
                assertEquals(1, peer.ack(message));
            }
            assertEquals(PortState.CONNECTED, fixture.port.state());
        }
        final Path other = directory.resolve("off");
        final BackendOptions off = BackendOptions.server(other)
            .withSuspend(new SuspendOptions(false, Features.SUSPEND));
        try (SwitchFixture without = new SwitchFixture(other, 2, off); TestPeer peer = without.peer()) {
            assertEquals(TestPeer.PROTOCOL & ~ProtocolFeature.SUSPEND.mask(),
                peer.number(new Message.GetProtocolFeatures()));
            peer.send(new Message.SetProtocolFeatures(ProtocolFeature.REPLY_ACK.mask()));
            assertEquals(1, peer.ack(new Message.SetProtocolFeatures(TestPeer.PROTOCOL)));
            assertEquals(1, peer.ack(new Message.Suspend()));
        }
    }

    @Test
    void anAcknowledgementIsSentOnlyOnRequest() throws Exception {
        try (TestPeer peer = fixture.peer().running(PLAIN, guest, 0, 1)) {
            peer.send(new Message.Suspend());
            peer.send(new Message.Suspend());
            assertEquals(5, peer.number(new Message.GetQueueNum()), "no acknowledgement comes before this reply");
            assertEquals(PortState.SUSPENDED, fixture.port.state());
            peer.send(new Message.Resume());
            assertEquals(5, peer.number(new Message.GetQueueNum()));
            assertEquals(PortState.RUNNING, fixture.port.state());
        }
    }

    @Test
    void aSharedObjectIsNeverFound() throws Exception {
        try (TestPeer peer = fixture.peer().negotiated(PLAIN)) {
            final byte[] name = Codec.encode(new Message.GetSharedObject(7, 8));
            peer.send(Request.GET_SHARED_OBJECT, Header.VERSION, name);
            try (Packet reply = peer.receive()) {
                assertEquals(new Header(41, 5, 16), reply.header());
                assertArrayEquals(name, reply.payload());
                assertEquals(0, reply.descriptors().count());
            }
            assertEquals(PortState.CONNECTED, fixture.port.state());
        }
    }

    @Test
    void theDriverSuspendsByItsStatus() throws Exception {
        final Path other = directory.resolve("draft");
        final BackendOptions options = BackendOptions.server(other)
            .withSuspend(new SuspendOptions(true, Features.SUSPEND_DRAFT));
        try (SwitchFixture draft = new SwitchFixture(other, 2, options)) {
            suspendByStatus(draft, Features.SUSPEND_DRAFT);
            try (TestPeer peer = draft.peer()) {
                assertFalse(Features.has(peer.number(new Message.GetFeatures()), Features.SUSPEND),
                    "one bit or the other");
            }
        }
        suspendByStatus(fixture, Features.SUSPEND);
        try (TestPeer peer = fixture.peer().running(PLAIN, guest, 0, 1)) {
            peer.ack(new Message.SetStatus(RUNS));
            peer.ack(new Message.SetStatus(RUNS | SUSPEND_BIT));
            assertEquals(RUNS, peer.number(new Message.GetStatus()), "the feature is not negotiated");
            assertEquals(PortState.RUNNING, fixture.port.state());
        }
    }

    private void suspendByStatus(final SwitchFixture on, final int bit) throws IOException {
        try (TestPeer peer = on.peer().running(PLAIN | Features.of(bit), guest, 0, 1)) {
            peer.ack(new Message.SetStatus(3 | SUSPEND_BIT));
            assertEquals(3, peer.number(new Message.GetStatus()), "FEATURES_OK is not set");
            peer.ack(new Message.SetStatus(READY));
            assertEquals(PortState.CONNECTED, on.port.state());
            peer.ack(new Message.SetStatus(READY | SUSPEND_BIT));
            assertEquals(READY | SUSPEND_BIT, peer.number(new Message.GetStatus()), "before the driver runs");
            assertEquals(PortState.SUSPENDED, on.port.state());
            peer.ack(new Message.SetStatus(RUNS));
            assertEquals(RUNS, peer.number(new Message.GetStatus()));
            for (int i = 0; i < 3; i++) {
                assertEquals(PortState.RUNNING, on.port.state());
                peer.ack(new Message.SetStatus(RUNS | SUSPEND_BIT));
                assertEquals(READY | SUSPEND_BIT, peer.number(new Message.GetStatus()));
                peer.ack(new Message.SetStatus(READY | SUSPEND_BIT));
                assertEquals(READY | SUSPEND_BIT, peer.number(new Message.GetStatus()));
                assertEquals(PortState.SUSPENDED, on.port.state());
                peer.ack(new Message.SetStatus(i == 0 ? RUNS : READY | SUSPEND_BIT | 4));
                assertEquals(RUNS, peer.number(new Message.GetStatus()));
            }
        }
        on.awaitDetached();
    }

    @Test
    void onlyAnOperatorsSuspensionOutlivesTheConnection() throws Exception {
        try (TestPeer peer = fixture.peer().running(PLAIN, guest, 0, 1)) {
            peer.ack(new Message.Suspend());
            fixture.port.suspend(SuspendCause.OPERATOR);
            assertEquals(Set.of(SuspendCause.FRONT_END, SuspendCause.OPERATOR), fixture.port.suspendedBy());
        }
        Await.until(() -> !fixture.started(1));
        assertEquals(PortState.SUSPENDED, fixture.port.state());
        try (TestPeer peer = fixture.peer().running(PLAIN, guest, 0, 1)) {
            assertEquals(Set.of(SuspendCause.OPERATOR), fixture.port.suspendedBy());
            guest.transmit();
            guest.event.signal();
            runDutyCycles();
            assertEquals(0, guest.used());
            assertEquals(0, peer.ack(new Message.Suspend()));
            fixture.port.resume(SuspendCause.OPERATOR);
            runDutyCycles();
            assertEquals(0, guest.used());
            assertEquals(0, peer.ack(new Message.Resume()));
            Await.until(() -> guest.used() == 1);
        }
    }

    @Test
    void aRingStartedWhileSuspendedIsReadOnResume() throws Exception {
        try (TestPeer peer = fixture.peer().negotiated(PLAIN)) {
            peer.ack(new Message.Suspend());
            peer.running(PLAIN, guest, 0, 1);
            assertEquals(0, peer.base(1), "the ring never ran");
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 1, true), guest.event.fd());
            peer.number(new Message.GetFeatures());
            guest.used(77);
            guest.available(77);
            assertEquals(0, peer.ack(new Message.Resume()));
            assertEquals(77, peer.base(1), "the used index at the time of the resume");
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 1, true), guest.event.fd());
            peer.ack(new Message.Suspend());
            assertEquals(77, peer.base(1));
            peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 1, true), guest.event.fd());
            assertEquals(77, peer.base(1));
        }
    }

    @Test
    void ringsRunOnlyWithDriverOkOnceTheStatusIsKnown() throws Exception {
        try (TestPeer peer = fixture.peer().running(PLAIN, guest, 0, 1)) {
            guest.transmit();
            guest.event.signal();
            Await.until(() -> guest.used() == 1);
            for (final int notReady : new int[] {0, 1, 3, READY}) {
                assertEquals(0, peer.ack(new Message.SetStatus(notReady)));
                assertEquals(PortState.CONNECTED, fixture.port.state());
                guest.available(2);
                guest.event.signal();
                final long before = guest.checksum();
                runDutyCycles();
                assertEquals(before, guest.checksum());
            }
            assertEquals(0, peer.ack(new Message.SetStatus(RUNS)));
            Await.until(() -> guest.used() == 2);
            assertEquals(PortState.RUNNING, fixture.port.state());
            assertEquals(0, peer.ack(new Message.SetStatus(0)));
            assertEquals(2, peer.base(1), "QEMU 7.2 asks after SET_STATUS 0");
            assertEquals(0,
                peer.ack(new Message.SetProtocolFeatures(TestPeer.PROTOCOL & ~ProtocolFeature.STATUS.mask())));
            assertTrue(fixture.started(0), "without STATUS the driver counts as ready");
        }
    }

    @Test
    void aSuspendedDeviceWaitsForTheDriverAfterAReset() throws Exception {
        try (TestPeer peer = fixture.peer().running(PLAIN, guest, 0, 1)) {
            int used = 0;
            for (final boolean byMessage : new boolean[] {false, true, false}) {
                assertEquals(0, peer.ack(new Message.Suspend()));
                guest.available(++used);
                if (used == 1) {
                    guest.transmit();
                }
                guest.event.signal();
                final long before = guest.checksum();
                assertEquals(0, peer.ack(new Message.ResetOwner()));
                assertEquals(PortState.CONNECTED, fixture.port.state());
                runDutyCycles();
                assertEquals(before, guest.checksum());
                if (byMessage) {
                    assertEquals(0, peer.ack(new Message.Resume()));
                } else {
                    assertEquals(used - 1, peer.base(1));
                    assertEquals(0,
                        peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, 1, true), guest.event.fd()));
                }
                final int now = used;
                Await.until(() -> guest.used() == now);
            }
        }
    }

    @Test
    void aBrokenRingNeedsAReset() throws Exception {
        try (TestPeer peer = fixture.peer().running(PLAIN, guest, 0, 1);
             RequestSocket requests = new RequestSocket()) {
            assertEquals(0, requests.giveTo(peer));
            assertEquals(0, peer.ack(new Message.SetStatus(RUNS)));
            for (int i = 0; i < 3; i++) {
                guest.available(30_000);
                guest.event.signal();
                Await.until(() -> !fixture.started(1));
                assertEquals(RUNS | NEEDS_RESET, peer.number(new Message.GetStatus()));
                requests.expect(BackendRequest.CONFIG_CHANGE_MSG, new byte[0]);
                requests.acknowledge(BackendRequest.CONFIG_CHANGE_MSG, 0);
                assertEquals(0, peer.ack(new Message.SetStatus(RUNS)));
                assertEquals(RUNS | NEEDS_RESET, peer.number(new Message.GetStatus()), "the driver cannot clear it");
                assertEquals(0, peer.ack(new Message.SetStatus(RUNS | NEEDS_RESET)),
                    "writing the value read does not clear it");
                guest.available(0);
                if (i == 0) {
                    assertEquals(0, peer.ack(new Message.SetStatus(0)));
                } else {
                    assertEquals(0, peer.ack(new Message.ResetDevice()));
                }
                assertEquals(0, peer.number(new Message.GetStatus()));
                peer.running(PLAIN, guest, 0, 1);
                assertEquals(0, peer.ack(new Message.SetStatus(RUNS)));
                assertEquals(RUNS, peer.number(new Message.GetStatus()));
            }
        }
    }

    @Test
    void theMemoryTableMayChangeWhileSuspended() throws Exception {
        try (TestPeer peer = fixture.peer().running(PLAIN, guest, 0, 1); PeerGuest moved = new PeerGuest()) {
            peer.ack(new Message.Suspend());
            assertEquals(0, peer.ack(TestPeer.table(), moved.fd()));
            guest.ram.file().resize(0);
            moved.transmit();
            runDutyCycles();
            assertEquals(0, moved.used());
            assertEquals(0, peer.ack(new Message.Resume()));
            Await.until(() -> moved.used() == 1);
            assertEquals(1, peer.base(1));
        }
    }
}
