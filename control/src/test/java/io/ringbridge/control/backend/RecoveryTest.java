package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;

import static io.ringbridge.control.backend.PeerGuest.features;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Tests the position at which a transmit ring resumes after the back-end was killed and the front-end has reconnected:
 * of a split ring, and of a ring whose chains in flight are recorded in an area.
 */
@Timeout(60)
class RecoveryTest extends RecoveryFixture {
    @ParameterizedTest
    @ValueSource(ints = {20, 24})
    void aNewAreaIsZeroedAndClosed(final int bytes) throws Exception {
        final long descriptors = OpenDescriptors.count();
        try (TestPeer peer = fixture.peer().negotiated(features(false))) {
            final byte[] wanted = Codec.encode(new Message.InflightFd(Request.GET_INFLIGHT_FD, 0, 0, 2, SIZE));
            peer.send(Request.GET_INFLIGHT_FD, Header.VERSION, Arrays.copyOf(wanted, bytes));
            try (Packet reply = peer.receive()) {
                final long size = 2 * (16 + 16 * SIZE + 48);
                assertEquals(1, reply.descriptors().count());
                assertArrayEquals(Codec.encode(new Message.InflightFd(Request.GET_INFLIGHT_FD, size, 0, 2, SIZE)),
                    reply.payload());
                final int fd = reply.descriptors().take(0);
                try (Mapping area = Mapping.map(fd, 0, size)) {
                    for (long i = 0; i < size; i += 8) {
                        assertEquals(0, Memory.getLong(area.address() + i));
                    }
                }
                Fd.close(fd);
            }
        }
        fixture.awaitDetached();
        Await.until(() -> OpenDescriptors.count() <= descriptors);
    }

    @Test
    void areasThatDoNotFitAreRefused() throws Exception {
        final long mappings = SwitchFixture.mappings();
        try (TestPeer peer = fixture.peer().negotiated(features(false)); MemFd file = MemFd.create("inflight", 8192)) {
            final long[][] wrong = {{8192, 0, 3, SIZE}, {8192, 0, 0, SIZE}, {8192, 0, 2, 0}, {8192, 0, 2, 40_000},
                {8193, 0, 2, SIZE},
                {8192, 1, 2, SIZE}, {1, -1, 2, SIZE}, {-1, 8, 2, SIZE}, {0, 0, 2, SIZE}, {Long.MAX_VALUE, 8, 2, SIZE}};
            for (final long[] w : wrong) {
                final Message area = new Message.InflightFd(Request.SET_INFLIGHT_FD, w[0], w[1], (int) w[2],
                    (int) w[3]);
                assertEquals(1, peer.ack(area, file.fd()), () -> Arrays.toString(w));
            }
            assertEquals(mappings, SwitchFixture.mappings());
            for (int i = 0; i < 3; i++) {
                assertEquals(0, peer.ack(new Message.InflightFd(Request.SET_INFLIGHT_FD, 8192, 0, 2, SIZE), file.fd()));
                assertEquals(mappings + 1, SwitchFixture.mappings(), "the replaced area is unmapped");
            }
            peer.send(TestPeer.table(), guest.fd());
            ring(peer, 0);
            assertEquals(1, peer.ack(new Message.InflightFd(Request.SET_INFLIGHT_FD, 8192, 0, 2, SIZE), file.fd()),
                "a ring runs");
        }
        fixture.awaitDetached();
        assertEquals(mappings, SwitchFixture.mappings());
        try (TestPeer peer = fixture.peer().negotiated(features(false))) {
            assertEquals(0, peer.ack(new Message.SetOwner()));
            peer.send(new Message.InflightFd(Request.GET_INFLIGHT_FD, 0, 0, 3, SIZE));
            assertTrue(peer.ended());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aRingResumesAtThePositionInItsArea(final boolean packed) throws Exception {
        try (MemFd area = MemFd.create("inflight", 8192); Mapping seen = Mapping.map(area.fd(), 0, 8192)) {
            final long region = seen.address() + (packed ? 32 + 32 * SIZE + 32 : 16 + 16 * SIZE + 48);
            final DriverRing driver = driver(packed);
            final int base = DriverRing.freshBase(features(packed));
            for (int round = 1; round < 30; round++) {
                final TestPeer peer = running(packed, area, base);
                guest.move(driver, 7);
                assertEquals(1, Memory.getShort(region + 8), "version");
                assertEquals(SIZE, Memory.getShort(region + 10), "entries");
                final int used = packed ? round * 7 % SIZE : round * 7;
                Await.until(() -> Memory.getShort(region + (packed ? 18 : 14)) == used);
                leave(peer);
            }
        }
    }

    @Test
    void aSplitRingResumesAtItsUsedIndexWithAnyBase() throws Exception {
        final DriverRing driver = driver(false);
        int used = 0;
        // the available index first, then arbitrary bases
        for (final int given : new int[] {5, 8, 0, 40_000, 25, 65_535}) {
            guest.add(driver, 5);
            driver.publish();
            final TestPeer peer = running(false, null, given);
            PeerGuest.awaitUsed(driver, 5);
            used += 5;
            assertEquals(used, peer.base(VRING));
            guest.add(driver, 5);
            driver.publish();
            ring(peer, given);
            PeerGuest.awaitUsed(driver, 5);
            used += 5;
            leave(peer);
        }
    }

    @Test
    void anImpossibleUsedIndexIsIgnored() throws Exception {
        final DriverRing driver = driver(false);
        final TestPeer first = running(false, null, 0);
        guest.move(driver, 3);
        leave(first);
        guest.add(driver, 4);
        driver.publish();
        guest.used(VRING, 30_000);
        final TestPeer peer = running(false, null, 3);
        Await.until(() -> sent() == 7);
        assertEquals(7, peer.base(VRING));
        leave(peer);
    }

    /** Firmware and drivers fill the receive ring early, and some front-ends send the available index as the base. */
    @Test
    void receiveBuffersMadeAvailableEarlyAreFilled() throws Exception {
        final GuestPort other = fixture.datapath.addGuestPort("b", 1, 1500);
        final DriverRing receiving = guest.driver(0, SIZE, features(false));
        for (int i = 0; i < SIZE; i++) {
            receiving.add(TestPeer.GUEST + 0x8_0000 + 2048L * i, 2048, true);
        }
        receiving.publish();
        final TestPeer peer = connected(false);
        peer.send(new Message.SetVringNum(0, SIZE));
        peer.send(new Message.SetVringBase(0, SIZE));
        peer.send(TestPeer.address(0));
        peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 0, true), guest.event.fd());
        assertEquals(0, peer.ack(new Message.SetVringEnable(0, 1)));
        for (int i = 1; i <= SIZE; i++) {
            other.stations().announce(0x0200_0000_0002L + ((long) i << 32));
        }
        PeerGuest.awaitUsed(receiving, SIZE);
        leave(peer);
    }

    /** Marks the first chains as in flight, as a process leaves them that ends before it has used them. */
    private static void markInFlight(final long region, final int chains) {
        for (int head = 0; head < chains; head++) {
            Memory.putByte(region + 16 + 16L * head, (byte) 1);
            Memory.putLong(region + 16 + 16L * head + 8, 100 + head);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void chainsInFlightWaitForTheFirstEnable(final boolean suspended) throws Exception {
        try (MemFd area = MemFd.create("inflight", 8192); Mapping seen = Mapping.map(area.fd(), 0, 8192)) {
            final long region = seen.address() + 16 + 16 * SIZE + 48;
            final TestPeer first = running(false, area, 0);
            guest.move(driver(false), 0);
            leave(first);
            assertEquals(1, Memory.getShort(region + 8), "version");
            final DriverRing driver = driver(false);
            guest.add(driver, SIZE);
            driver.publish();
            markInFlight(region, 7);
            final byte[] before = guest.content();
            final TestPeer peer = connected(false);
            record(peer, area);
            peer.start(VRING, SIZE, 0, guest.event);
            if (suspended) {
                assertEquals(0, peer.ack(new Message.Suspend()));
                assertEquals(0, peer.ack(new Message.Resume()));
            }
            peer.number(new Message.GetFeatures());
            assertTrue(fixture.started(VRING));
            assertArrayEquals(before, guest.content());
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 1)));
            PeerGuest.awaitUsed(driver, SIZE);
            assertEquals(SIZE, sent());
            leave(peer);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void framesOfADisabledRingWaitIfConfigured(final boolean packed) throws Exception {
        fixture.close();
        final Path socket = directory.resolve("held");
        fixture = new SwitchFixture(socket, 1, BackendOptions.server(socket).withDiscardWhenDisabled(false));
        final DriverRing driver = driver(packed);
        final TestPeer peer = running(packed, null, DriverRing.freshBase(features(packed)));
        for (int round = 1; round < 20; round++) {
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 0)));
            guest.add(driver, 5);
            driver.publish();
            guest.event.signal();
            final byte[] before = guest.content();
            fixture.port.enableRing(0, false); // the worker completes a duty cycle
            fixture.port.enableRing(0, false);
            assertArrayEquals(before, guest.content());
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 1)));
            PeerGuest.awaitUsed(driver, 5);
            assertEquals(5L * round, sent());
        }
        leave(peer);
    }

    private TestPeer suspended(final boolean packed, final MemFd area) throws IOException {
        final TestPeer peer = connected(packed);
        record(peer, area);
        assertEquals(0, peer.ack(new Message.Suspend()));
        ring(peer, DriverRing.freshBase(features(packed)));
        return peer;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aRingOfASuspendedPortIsNotRecoveredBeforeItRuns(final boolean packed) throws Exception {
        try (MemFd area = MemFd.create("inflight", 8192); Mapping seen = Mapping.map(area.fd(), 0, 8192)) {
            final long region = seen.address() + (packed ? 32 + 32 * SIZE + 32 : 16 + 16 * SIZE + 48);
            final DriverRing driver = driver(packed);
            for (int round = 0; round < 5; round++) {
                guest.add(driver, 1);
                driver.publish();
                final byte[] before = guest.content();
                final long recorded = Memory.getLong(region + 8);
                final TestPeer peer = suspended(packed, area);
                assertArrayEquals(before, guest.content());
                assertEquals(recorded, Memory.getLong(region + 8));
                assertEquals(0, peer.ack(new Message.Resume()));
                PeerGuest.awaitUsed(driver, 1);
                guest.move(driver, 6);
                assertEquals(1, Memory.getShort(region + 8), "version");
                leave(peer);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aTruncatedAreaOfASuspendedPortFailsOnlyThatPort(final boolean packed) throws Exception {
        try (MemFd area = MemFd.create("inflight", 8192)) {
            final TestPeer peer = suspended(packed, area);
            area.resize(0);
            peer.send(new Message.Resume());
            assertTrue(peer.ended());
            leave(peer);
        }
        final TestPeer again = running(packed, null, DriverRing.freshBase(features(packed)));
        guest.move(driver(packed), 3);
        leave(again);
    }

    @Test
    void aTruncatedAreaFailsOnlyItsOwnPort() throws Exception {
        final DriverRing driver = driver(false);
        try (MemFd area = MemFd.create("inflight", 8192)) {
            final TestPeer peer = running(false, area, 0);
            guest.move(driver, 1);
            area.resize(0);
            guest.add(driver, 1);
            guest.publish(driver);
            assertTrue(peer.ended());
            leave(peer);
        }
        final TestPeer again = running(false, null, 0);
        guest.move(driver(false), 0);
        assertTrue(fixture.started(VRING));
        leave(again);
    }
}
