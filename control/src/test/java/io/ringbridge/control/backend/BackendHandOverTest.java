package io.ringbridge.control.backend;

import io.ringbridge.control.handover.StateRecord;
import io.ringbridge.control.handover.StateSocket;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.handover.Step;
import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Connection;
import io.ringbridge.control.transport.Listener;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests that a port moves from one datapath to another with the whole state of its session. */
@Timeout(60)
class BackendHandOverTest {
    private static final int VRING = 1;
    private static final int SIZE = 64;
    private static final Duration LIMIT = Duration.ofSeconds(20);

    @TempDir
    Path directory;
    private BackendOptions options;
    private Datapath datapath;
    private GuestPort port;
    private Backend backend;
    private MemFd memory;
    private Mapping mapping;
    private EventFd event;
    /** The MTU that the next process configures. */
    private int mtu = 1500;

    @BeforeEach
    void start() {
        options = BackendOptions.server(directory.resolve("s")).with(ProtocolFeature.INBAND_NOTIFICATIONS);
        memory = TestPeer.memory();
        mapping = Mapping.map(memory.fd(), 0, TestPeer.MEMORY);
        event = EventFd.create();
    }

    @AfterEach
    void end() {
        backend.close();
        datapath.close();
        mapping.close();
        memory.close();
        event.close();
    }

    private void serve(final BackendOptions with) {
        options = with;
        datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
        port = datapath.addGuestPort("a", 1, 1500);
        backend = Backend.open(port, options);
    }

    private static long features(final boolean packed) {
        return Features.of(Features.VERSION_1, Features.PROTOCOL_FEATURES)
            | (packed ? Features.of(Features.RING_PACKED) : 0);
    }

    private DriverRing driver(final boolean packed) {
        final long at = mapping.address() + (VRING << 16);
        return DriverRing.create(SIZE, features(packed), new RingAddresses(at, at + 0x4000, at + 0x8000));
    }

    private void ring(final TestPeer peer, final boolean packed) throws IOException {
        peer.send(new Message.SetVringNum(VRING, SIZE));
        peer.send(new Message.SetVringBase(VRING, DriverRing.freshBase(features(packed))));
        peer.send(TestPeer.address(VRING));
        peer.send(new Message.SetVringFd(Request.SET_VRING_CALL, VRING, true), event.fd());
        peer.send(new Message.SetVringFd(Request.SET_VRING_ERR, VRING, true), event.fd());
        peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, VRING, true), event.fd());
        assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 1)));
    }

    /** Sends frames, which no port receives, and waits until their buffers are used. */
    private void move(final DriverRing driver, final int frames) {
        for (int i = 0; i < frames; i++) {
            assertTrue(driver.add(TestPeer.GUEST + 0x8_0000, 72, false) >= 0);
        }
        if (driver.publish()) {
            event.signal();
        }
        for (int i = 0; i < frames; i++) {
            SwitchFixture.await(() -> driver.poll() >= 0);
        }
    }

    /** Replaces the datapath and the back-end with new ones. */
    private void handOver() throws IOException {
        final Path path = directory.resolve("h");
        backend.requestPause();
        try (Listener listener = Listener.open(path, 0600); StateSocket to = new StateSocket(Connection.connect(path));
             StateSocket from = new StateSocket(listener.accept())) {
            backend.awaitPaused(5000);
            final StateWriter state = new StateWriter();
            backend.saveState(state);
            to.send(Step.PORT, state);
            port.suspend(SuspendCause.UPGRADE);
            final StateWriter positions = new StateWriter();
            backend.savePositions(positions);
            to.send(Step.POSITIONS, positions);
            final Datapath nextDatapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
            final GuestPort nextPort = nextDatapath.addGuestPort("a", 1, mtu);
            nextPort.suspend(SuspendCause.UPGRADE);
            final Backend next;
            try (StateRecord in = from.receive(Step.PORT, LIMIT)) {
                next = Backend.adopt(nextPort, options, Presence.UNHEARD, in.content());
            }
            try (StateRecord in = from.receive(Step.POSITIONS, LIMIT)) {
                next.restorePositions(in.content());
            }
            backend.relinquish();
            next.start();
            nextPort.resume(SuspendCause.UPGRADE);
            next.serve();
            datapath.close();
            datapath = nextDatapath;
            port = nextPort;
            backend = next;
        }
    }

    @ParameterizedTest
    @CsvSource({"false, none", "true, none", "true, journal", "false, area", "true, area"})
    void ringsResumeAtTheirPosition(final boolean packed, final String record) throws Exception {
        serve("journal".equals(record) ? options.withState(directory) : options);
        final DriverRing driver = driver(packed);
        try (TestPeer peer = new TestPeer(options.socket()); MemFd area = MemFd.create("inflight", 8192)) {
            peer.negotiated(features(packed));
            peer.send(TestPeer.table(), memory.fd());
            if ("area".equals(record)) {
                assertEquals(0,
                    peer.ack(new Message.InflightFd(Request.SET_INFLIGHT_FD, area.size(), 0, 2, SIZE), area.fd()));
            }
            ring(peer, packed);
            move(driver, 7);
            final long descriptors = SwitchFixture.openDescriptors();
            final long mappings = SwitchFixture.mappings();
            int moved = 7;
            for (int i = 0; i < 3; i++, moved += 31) {
                handOver();
                move(driver, 31);
            }
            assertEquals(descriptors, SwitchFixture.openDescriptors());
            assertEquals(mappings, SwitchFixture.mappings());
            assertEquals(moved, port.queues().get(VRING).statistics().inFrames());
            peer.send(new Message.GetVringBase(VRING));
            try (Packet reply = peer.receive()) {
                final int at = moved % SIZE | (moved / SIZE % 2 == 0 ? 0x8000 : 0);
                assertEquals(packed ? at | at << 16 : moved, Codec.vringNumber(reply.payload(), VRING));
            }
            assertEquals(PortState.SUSPENDED, port.state());
        }
        SwitchFixture.await(() -> port.state() == PortState.WAITING);
    }

    @ParameterizedTest
    @CsvSource({"false", "true"})
    void theJournalIsCorrectAfterAHandOver(final boolean packed) throws Exception {
        serve(options.withState(directory));
        final DriverRing driver = driver(packed);
        final int base = DriverRing.freshBase(features(packed));
        for (int i = 0; i < 4; i++) {
            try (TestPeer peer = new TestPeer(options.socket())) {
                peer.negotiated(features(packed));
                peer.send(TestPeer.table(), memory.fd());
                ring(peer, packed);
                assertEquals(packed ? 0x8000_8000 : 0, base);
                move(driver, 7);
                handOver();
                move(driver, 5);
            }
            SwitchFixture.await(() -> port.state() == PortState.WAITING);
        }
    }

    @Test
    void theJournalIsUsedForASuspendedPortAfterAHandOver() throws Exception {
        serve(options.withState(directory));
        final DriverRing driver = driver(true);
        for (int i = 0; i < 4; i++) {
            try (TestPeer peer = new TestPeer(options.socket())) {
                peer.negotiated(features(true));
                peer.send(TestPeer.table(), memory.fd());
                ring(peer, true);
                move(driver, 7);
                assertEquals(0, peer.ack(new Message.Suspend()));
                for (int times = 0; times <= i; times++) {
                    handOver();
                }
                assertEquals(PortState.SUSPENDED, port.state());
            }
            SwitchFixture.await(() -> port.state() == PortState.WAITING);
        }
    }

    @Test
    void anAnnouncedAddressIsNotAnnouncedAgain() throws Exception {
        serve(options.withMac(MacAddress.parse("52:54:00:00:00:01")));
        try (TestPeer peer = new TestPeer(options.socket())) {
            peer.negotiated(features(false));
            peer.send(TestPeer.table(), memory.fd());
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
        try (TestPeer peer = new TestPeer(options.socket())) {
            peer.negotiated(features(false));
            peer.send(TestPeer.table(), memory.fd());
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
        try (TestPeer peer = new TestPeer(options.socket())) {
            peer.negotiated(features(false));
            assertEquals(0, peer.ack(new Message.NetSetMtu(1000)));
            for (final int configured : new int[] {1500, 9000, 1000, 1500}) {
                mtu = configured;
                handOver();
                assertEquals(1000, port.mtu());
            }
        }
        SwitchFixture.await(() -> port.state() == PortState.WAITING);
        assertEquals(1500, port.mtu());
        try (TestPeer peer = new TestPeer(options.socket())) {
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
        try (TestPeer peer = new TestPeer(options.socket())) {
            peer.negotiated(features(packed));
            peer.send(TestPeer.table(), memory.fd());
            assertEquals(0, peer.ack(new Message.SetStatus(11)));
            ring(peer, packed);
            driver.add(TestPeer.GUEST + 0x8_0000, 72, false);
            driver.publish();
            handOver();
            assertFalse(port.queues().get(VRING).started());
            assertEquals(11, peer.number(new Message.GetStatus()));
            assertEquals(0, peer.ack(new Message.SetStatus(15)));
            SwitchFixture.await(() -> driver.poll() >= 0);
            assertEquals(0, peer.ack(new Message.Suspend()));
            assertEquals(0, peer.ack(new Message.ResetOwner()));
            driver.add(TestPeer.GUEST + 0x8_0000, 72, false);
            driver.publish();
            handOver();
            assertFalse(port.queues().get(VRING).started());
            assertEquals(0, peer.ack(new Message.Resume()));
            SwitchFixture.await(() -> driver.poll() >= 0);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aDisabledRingWaitsOrIsDiscardedAsTheNewProcessIsConfigured(final boolean packed) throws Exception {
        serve(options);
        final BackendOptions plain = options;
        final DriverRing driver = driver(packed);
        try (TestPeer peer = new TestPeer(options.socket())) {
            peer.negotiated(features(packed));
            peer.send(TestPeer.table(), memory.fd());
            ring(peer, packed);
            move(driver, 3);
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 0)));
            options = plain.withDiscardWhenDisabled(false);
            handOver();
            assertFalse(port.queues().get(VRING).started());
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 1)));
            move(driver, 3);
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 0)));
            options = plain;
            handOver();
            assertTrue(port.queues().get(VRING).started());
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 1)));
            move(driver, 3);
            assertEquals(9, port.queues().get(VRING).statistics().inFrames());
        }
    }

    @Test
    void aBrokenRingStaysBroken() throws Exception {
        serve(options);
        final DriverRing driver = driver(false);
        try (TestPeer peer = new TestPeer(options.socket())) {
            peer.negotiated(features(false));
            peer.send(TestPeer.table(), memory.fd());
            ring(peer, false);
            move(driver, 7);
            Memory.putShort(mapping.address() + (VRING << 16) + 0x4002, (short) 5000);
            event.signal();
            SwitchFixture.await(() -> !port.queues().get(VRING).started());
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
        try (TestPeer peer = new TestPeer(options.socket()); RequestSocket requests = new RequestSocket()) {
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
            final long descriptors = SwitchFixture.openDescriptors();
            handOver();
            assertEquals(descriptors, SwitchFixture.openDescriptors());
            assertEquals(0, peer.ack(new Message.Suspend()));
            assertEquals(0, peer.ack(new Message.NetSetMtu(1100)));
            handOver();
            requests.acknowledge(change, 0);
            assertTrue(requests.isSilent(), "a suspended device stays silent in the new process");
            assertEquals(0, peer.ack(new Message.Resume()));
            requests.expect(change, new byte[0]);
            requests.acknowledge(change, 0);
        }
        SwitchFixture.await(() -> port.state() == PortState.WAITING);
    }

    @Test
    void notificationsByMessageResume() throws Exception {
        serve(options);
        final DriverRing driver = driver(false);
        driver.wantNotification(true);
        try (TestPeer peer = new TestPeer(options.socket()); RequestSocket requests = new RequestSocket()) {
            peer.send(new Message.SetProtocolFeatures(TestPeer.PROTOCOL | ProtocolFeature.INBAND_NOTIFICATIONS.mask()));
            peer.send(new Message.SetFeatures(features(false)));
            peer.send(TestPeer.table(), memory.fd());
            peer.send(new Message.SetVringNum(VRING, SIZE));
            peer.send(TestPeer.address(VRING));
            peer.send(new Message.SetVringEnable(VRING, 1));
            assertEquals(0, requests.giveTo(peer));
            assertEquals(0, peer.ack(new Message.VringKick(VRING, 0)));
            call(requests);
            handOver();
            call(requests);
            assertTrue(driver.add(TestPeer.GUEST + 0x8_0000, 72, false) >= 0);
            driver.publish();
            assertEquals(0, peer.ack(new Message.VringKick(VRING, 0)));
            call(requests);
        }
        SwitchFixture.await(() -> port.state() == PortState.WAITING);
    }

    @ParameterizedTest
    @CsvSource({"PIPE, false", "PIPE, true", "STREAM, true", "SEQPACKET, false", "DATAGRAM, true"})
    void pipesAndSocketsAreHandedOver(final PipeEnds.Kind kind, final boolean packed) throws Exception {
        serve(options);
        final DriverRing driver = driver(packed);
        driver.wantNotification(true);
        try (TestPeer peer = new TestPeer(options.socket()); PipeEnds kick = PipeEnds.of(kind);
             PipeEnds notified = PipeEnds.of(kind)) {
            peer.negotiated(features(packed));
            peer.send(TestPeer.table(), memory.fd());
            ring(peer, packed);
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_CALL, VRING, true), notified.writes()));
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_ERR, VRING, true), notified.writes()));
            assertEquals(0, peer.ack(new Message.SetVringFd(Request.SET_VRING_KICK, VRING, true), kick.reads()));
            assertEquals(0, peer.ack(new Message.SetLogFd(), notified.writes()));
            final long descriptors = SwitchFixture.openDescriptors();
            for (int i = 0; i < 3; i++) {
                handOver();
                SwitchFixture.await(notified::read); // the new process calls once in case a call was lost
                for (int j = 0; j < 10; j++) {
                    while (notified.read()) {
                        Thread.onSpinWait();
                    }
                    assertTrue(driver.add(TestPeer.GUEST + 0x8_0000, 72, false) >= 0);
                    driver.publish();
                    kick.write();
                    SwitchFixture.await(() -> driver.poll() >= 0);
                    SwitchFixture.await(notified::read);
                }
            }
            SwitchFixture.await(() -> SwitchFixture.openDescriptors() <= descriptors);
        }
        SwitchFixture.await(() -> port.state() == PortState.WAITING);
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
        try (TestPeer peer = new TestPeer(options.socket()); RequestSocket requests = new RequestSocket()) {
            peer.negotiated(features(packed) | Features.of(Features.ACCESS_PLATFORM));
            assertEquals(0, requests.giveTo(peer));
            peer.send(TestPeer.table(), memory.fd());
            assertEquals(0, update(peer, TestPeer.USER, TestPeer.USER));
            assertEquals(0, update(peer, TestPeer.GUEST, TestPeer.USER));
            ring(peer, packed);
            move(driver, 7);
            handOver();
            move(driver, 31);
            final long unknown = TestPeer.GUEST + TestPeer.MEMORY;
            final byte[] miss = Codec.encode(new Message.Iotlb(unknown, 0, 0, Iotlb.READ, Message.Iotlb.MISS));
            assertTrue(driver.add(unknown, 72, false) >= 0);
            driver.publish();
            event.signal();
            requests.expect(BackendRequest.IOTLB_MSG, miss);
            handOver();
            requests.acknowledge(BackendRequest.IOTLB_MSG, 1);
            requests.expect(BackendRequest.IOTLB_MSG, miss);
            assertEquals(0, update(peer, unknown, TestPeer.USER));
            requests.acknowledge(BackendRequest.IOTLB_MSG, 0);
            SwitchFixture.await(() -> driver.poll() >= 0);
            move(driver, 31);
            assertEquals(0, peer.number(new Message.Iotlb(unknown, 1, 0, 0, Message.Iotlb.INVALIDATE)));
            handOver();
            move(driver, 31);
            assertEquals(101, port.queues().get(VRING).statistics().inFrames());
        }
        SwitchFixture.await(() -> port.state() == PortState.WAITING);
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
        try (TestPeer peer = new TestPeer(options.socket())) {
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
        SwitchFixture.await(() -> port.state() == PortState.WAITING);
        try (TestPeer peer = new TestPeer(options.socket())) {
            assertTrue(peer.number(new Message.GetFeatures()) != 0);
        }
    }
}
