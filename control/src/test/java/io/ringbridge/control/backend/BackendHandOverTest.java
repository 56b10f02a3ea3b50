package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.util.List;

import static io.ringbridge.control.backend.PeerGuest.features;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that a port moves from one datapath to another with the whole state of its session. */
@Timeout(60)
class BackendHandOverTest extends HandOverFixture {
    @ParameterizedTest
    @CsvSource({"false, none", "true, none", "true, journal", "false, area", "true, area"})
    void ringsResumeAtTheirPosition(final boolean packed, final String record) throws Exception {
        serve("journal".equals(record) ? options.withState(directory) : options);
        final DriverRing driver = driver(packed);
        try (TestPeer peer = peer(); MemFd area = MemFd.create("inflight", 8192)) {
            share(peer, packed);
            if ("area".equals(record)) {
                assertEquals(0,
                    peer.ack(new Message.InflightFd(Request.SET_INFLIGHT_FD, area.size(), 0, 2, SIZE), area.fd()));
            }
            ring(peer, packed);
            guest.move(driver, 7);
            final long descriptors = OpenDescriptors.count();
            final long mappings = SwitchFixture.mappings();
            int moved = 7;
            for (int i = 0; i < 3; i++, moved += 31) {
                handOver();
                guest.move(driver, 31);
            }
            assertEquals(descriptors, OpenDescriptors.count());
            assertEquals(mappings, SwitchFixture.mappings());
            assertEquals(moved, port.queues().get(VRING).statistics().inFrames());
            peer.send(new Message.GetVringBase(VRING));
            try (Packet reply = peer.receive()) {
                final int at = moved % SIZE | (moved / SIZE % 2 == 0 ? 0x8000 : 0);
                assertEquals(packed ? at | at << 16 : moved, Codec.vringNumber(reply.payload(), VRING));
            }
            assertEquals(PortState.SUSPENDED, port.state());
        }
        awaitDetached();
    }

    @ParameterizedTest
    @CsvSource({"false", "true"})
    void theJournalIsCorrectAfterAHandOver(final boolean packed) throws Exception {
        serve(options.withState(directory));
        final DriverRing driver = driver(packed);
        final int base = DriverRing.freshBase(features(packed));
        for (int i = 0; i < 4; i++) {
            try (TestPeer peer = peer()) {
                share(peer, packed);
                ring(peer, packed);
                assertEquals(packed ? 0x8000_8000 : 0, base);
                guest.move(driver, 7);
                handOver();
                guest.move(driver, 5);
            }
            awaitDetached();
        }
    }

    @Test
    void theJournalIsUsedForASuspendedPortAfterAHandOver() throws Exception {
        serve(options.withState(directory));
        final DriverRing driver = driver(true);
        for (int i = 0; i < 4; i++) {
            try (TestPeer peer = peer()) {
                share(peer, true);
                ring(peer, true);
                guest.move(driver, 7);
                assertEquals(0, peer.ack(new Message.Suspend()));
                for (int times = 0; times <= i; times++) {
                    handOver();
                }
                assertEquals(PortState.SUSPENDED, port.state());
            }
            awaitDetached();
        }
    }

    @Test
    void anAnnouncedAddressIsNotAnnouncedAgain() throws Exception {
        serve(options.withMac(MacAddress.parse("52:54:00:00:00:01")));
        try (TestPeer peer = peer()) {
            share(peer, false);
            ring(peer, false);
            assertEquals(1, datapath.stations().size());
            handOver();
            peer.number(new Message.GetQueueNum());
            assertTrue(port.queues().get(VRING).started());
            assertEquals(List.of(), datapath.stations()); // the table is handed over separately
        }
    }

    @Test
    void theLastProcessAnnouncesTheAddressOfASuspendedPort() throws Exception {
        serve(options.withMac(MacAddress.parse("52:54:00:00:00:01")));
        try (TestPeer peer = peer()) {
            share(peer, false);
            assertEquals(0, peer.ack(new Message.Suspend()));
            ring(peer, false);
            for (int i = 0; i < 2; i++) {
                assertEquals(List.of(), datapath.stations());
                handOver();
            }
            assertEquals(0, peer.ack(new Message.Resume()));
            assertEquals(1, datapath.stations().size());
        }
    }

    @Test
    void anMtuThatTheFrontEndSetOutlivesAHandOver() throws Exception {
        serve(options);
        try (TestPeer peer = peer()) {
            peer.negotiated(features(false));
            assertEquals(0, peer.ack(new Message.NetSetMtu(1000)));
            for (final int configured : new int[] {1500, 9000, 1000, 1500}) {
                mtu = configured;
                handOver();
                assertEquals(1000, port.mtu());
            }
        }
        awaitDetached();
        assertEquals(1500, port.mtu());
        try (TestPeer peer = peer()) {
            peer.negotiated(features(false));
            peer.number(new Message.GetFeatures());
            mtu = 9000;
            handOver();
            assertEquals(9000, port.mtu(), "the configured MTU, if none was set");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aDriverThatIsNotReadyIsAwaitedAfterAHandOver(final boolean packed) throws Exception {
        serve(options);
        final DriverRing driver = driver(packed);
        try (TestPeer peer = peer()) {
            share(peer, packed);
            assertEquals(0, peer.ack(new Message.SetStatus(11)));
            ring(peer, packed);
            guest.add(driver, 1);
            driver.publish();
            handOver();
            assertFalse(port.queues().get(VRING).started());
            assertEquals(11, peer.number(new Message.GetStatus()));
            assertEquals(0, peer.ack(new Message.SetStatus(15)));
            PeerGuest.awaitUsed(driver, 1);
            assertEquals(0, peer.ack(new Message.Suspend()));
            assertEquals(0, peer.ack(new Message.ResetOwner()));
            guest.add(driver, 1);
            driver.publish();
            handOver();
            assertFalse(port.queues().get(VRING).started());
            assertEquals(0, peer.ack(new Message.Resume()));
            PeerGuest.awaitUsed(driver, 1);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aDisabledRingWaitsOrIsDiscardedAsTheNewProcessIsConfigured(final boolean packed) throws Exception {
        serve(options);
        final BackendOptions plain = options;
        final DriverRing driver = driver(packed);
        try (TestPeer peer = peer()) {
            share(peer, packed);
            ring(peer, packed);
            guest.move(driver, 3);
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 0)));
            options = plain.withDiscardWhenDisabled(false);
            handOver();
            assertFalse(port.queues().get(VRING).started());
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 1)));
            guest.move(driver, 3);
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 0)));
            options = plain;
            handOver();
            assertTrue(port.queues().get(VRING).started());
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 1)));
            guest.move(driver, 3);
            assertEquals(9, port.queues().get(VRING).statistics().inFrames());
        }
    }

    @Test
    void aBrokenRingStaysBroken() throws Exception {
        serve(options);
        final DriverRing driver = driver(false);
        try (TestPeer peer = peer()) {
            share(peer, false);
            ring(peer, false);
            guest.move(driver, 7);
            guest.available(VRING, 5000);
            guest.event.signal();
            Await.until(() -> !port.queues().get(VRING).started());
            handOver();
            assertFalse(port.queues().get(VRING).started());
            assertEquals(64, peer.number(new Message.GetStatus()), "the device needs a reset");
            peer.send(new Message.GetVringBase(VRING));
            try (Packet reply = peer.receive()) {
                assertEquals(7, Codec.vringNumber(reply.payload(), VRING));
            }
        }
    }

    @Test
    void requestsToTheFrontEndAreSentOnceAndTheirRepliesAreAccepted() throws Exception {
        serve(options);
        final BackendRequest change = BackendRequest.CONFIG_CHANGE_MSG;
        try (TestPeer peer = peer(); RequestSocket requests = new RequestSocket()) {
            peer.negotiated(features(false));
            assertEquals(0, requests.giveTo(peer));
            assertEquals(0, peer.ack(new Message.NetSetMtu(1400)));
            requests.expect(change, new byte[0]);
            assertEquals(0, peer.ack(new Message.NetSetMtu(1300)));
            handOver();
            handOver();
            requests.acknowledge(change, 0);
            requests.expect(change, new byte[0]);
            requests.acknowledge(change, 0);
            handOver();
            assertEquals(0, peer.ack(new Message.NetSetMtu(1200)));
            requests.expect(change, new byte[0]);
            final long descriptors = OpenDescriptors.count();
            handOver();
            assertEquals(descriptors, OpenDescriptors.count());
            assertEquals(0, peer.ack(new Message.Suspend()));
            assertEquals(0, peer.ack(new Message.NetSetMtu(1100)));
            handOver();
            requests.acknowledge(change, 0);
            assertTrue(requests.isSilent(), "a suspended device stays silent in the new process");
            assertEquals(0, peer.ack(new Message.Resume()));
            requests.expect(change, new byte[0]);
            requests.acknowledge(change, 0);
        }
        awaitDetached();
    }

    @Test
    void notificationsByMessageResume() throws Exception {
        serve(options);
        final DriverRing driver = driver(false);
        driver.wantNotification(true);
        try (TestPeer peer = peer(); RequestSocket requests = new RequestSocket()) {
            peer.send(new Message.SetProtocolFeatures(TestPeer.PROTOCOL | ProtocolFeature.INBAND_NOTIFICATIONS.mask()));
            peer.send(new Message.SetFeatures(features(false)));
            peer.send(TestPeer.table(), guest.fd());
            peer.send(new Message.SetVringNum(VRING, SIZE));
            peer.send(TestPeer.address(VRING));
            peer.send(new Message.SetVringEnable(VRING, 1));
            assertEquals(0, requests.giveTo(peer));
            assertEquals(0, peer.ack(new Message.VringKick(VRING, 0)));
            call(requests);
            handOver();
            call(requests);
            guest.add(driver, 1);
            driver.publish();
            assertEquals(0, peer.ack(new Message.VringKick(VRING, 0)));
            call(requests);
        }
        awaitDetached();
    }

    @ParameterizedTest
    @CsvSource({"PIPE, false", "PIPE, true", "STREAM, true", "SEQPACKET, false", "DATAGRAM, true"})
    void pipesAndSocketsAreHandedOver(final PipeEnds.Kind kind, final boolean packed) throws Exception {
        serve(options);
        final DriverRing driver = driver(packed);
        driver.wantNotification(true);
        try (TestPeer peer = peer(); PipeEnds kick = PipeEnds.of(kind);
             PipeEnds notified = PipeEnds.of(kind)) {
            share(peer, packed);
            ring(peer, packed);
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_CALL, VRING, true), notified.writes()));
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_ERR, VRING, true), notified.writes()));
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, VRING, true), kick.reads()));
            assertEquals(0, peer.ack(new Message.SetLogFd(), notified.writes()));
            final long descriptors = OpenDescriptors.count();
            for (int i = 0; i < 3; i++) {
                handOver();
                Await.until(notified::read); // the new process calls once in case a call was lost
                for (int j = 0; j < 10; j++) {
                    while (notified.read()) {
                        Thread.onSpinWait();
                    }
                    guest.add(driver, 1);
                    driver.publish();
                    kick.write();
                    PeerGuest.awaitUsed(driver, 1);
                    Await.until(notified::read);
                }
            }
            Await.until(() -> OpenDescriptors.count() <= descriptors);
        }
        awaitDetached();
    }

    private static void call(final RequestSocket requests) throws IOException {
        requests.expect(BackendRequest.VRING_CALL, Codec.vringState(VRING, 0));
        requests.acknowledge(BackendRequest.VRING_CALL, 0);
    }

    private static long update(final TestPeer peer, final long address, final long user) throws IOException {
        return peer.number(new Message.Iotlb(address, TestPeer.MEMORY, user, Iotlb.READ | Iotlb.WRITE,
            Message.Iotlb.UPDATE));
    }

    @ParameterizedTest
    @CsvSource({"false", "true"})
    void theIotlbIsHandedOver(final boolean packed) throws Exception {
        serve(options.withIommu(true));
        final DriverRing driver = driver(packed);
        try (TestPeer peer = peer(); RequestSocket requests = new RequestSocket()) {
            peer.negotiated(features(packed) | Features.of(Features.ACCESS_PLATFORM));
            assertEquals(0, requests.giveTo(peer));
            peer.send(TestPeer.table(), guest.fd());
            assertEquals(0, update(peer, TestPeer.USER, TestPeer.USER));
            assertEquals(0, update(peer, TestPeer.GUEST, TestPeer.USER));
            ring(peer, packed);
            guest.move(driver, 7);
            handOver();
            guest.move(driver, 31);
            final long unknown = TestPeer.GUEST + TestPeer.MEMORY;
            final byte[] miss = Codec.encode(new Message.Iotlb(unknown, 0, 0, Iotlb.READ, Message.Iotlb.MISS));
            assertTrue(driver.add(unknown, 72, false) >= 0);
            driver.publish();
            guest.event.signal();
            requests.expect(BackendRequest.IOTLB_MSG, miss);
            handOver();
            requests.acknowledge(BackendRequest.IOTLB_MSG, 1);
            requests.expect(BackendRequest.IOTLB_MSG, miss);
            assertEquals(0, update(peer, unknown, TestPeer.USER));
            requests.acknowledge(BackendRequest.IOTLB_MSG, 0);
            PeerGuest.awaitUsed(driver, 1);
            guest.move(driver, 31);
            assertEquals(0, peer.number(new Message.Iotlb(unknown, 1, 0, 0, Message.Iotlb.INVALIDATE)));
            handOver();
            guest.move(driver, 31);
            assertEquals(101, port.queues().get(VRING).statistics().inFrames());
        }
        awaitDetached();
    }

    private static Packet completed(final TestPeer peer) {
        try {
            peer.connection.sendBytes(new byte[] {0, 0, 0, 0, 0, 0, 0});
        } catch (final IOException e) {
            return null;
        }
        return peer.receive();
    }

    @Test
    void aHalfSentMessageCostsOnlyItsOwnConnection() throws Exception {
        serve(options);
        try (TestPeer peer = peer()) {
            peer.negotiated(features(false));
            peer.number(new Message.GetFeatures());
            peer.connection.sendBytes(new byte[] {1, 0, 0, 0, 1});
            backend.requestPause();
            backend.awaitPaused(700);
            backend.resume();
            try (Packet answer = completed(peer)) {
                // A part that was not read stays in the socket, and becomes a whole message with the second part.
                assertTrue(answer == null || answer.header().request() == Request.GET_FEATURES.id());
            }
        }
        awaitDetached();
        try (TestPeer peer = peer()) {
            assertTrue(peer.number(new Message.GetFeatures()) != 0);
        }
    }
}
