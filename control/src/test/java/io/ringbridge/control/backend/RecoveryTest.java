package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.transport.Packet;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Tests the position at which a transmit ring resumes after the back-end was killed and the front-end has reconnected.
 */
@Timeout(60)
class RecoveryTest {
    private static final int VRING = 1;
    private static final int SIZE = 64;
    private static final int FRESH = 0x8000_8000;

    @TempDir
    Path directory;
    private SwitchFixture fixture;
    private MemFd memory;
    private Mapping mapping;
    private EventFd event;

    @BeforeEach
    void start() {
        final Path socket = directory.resolve("s");
        fixture = new SwitchFixture(socket, 1, BackendOptions.server(socket).withState(directory));
        memory = TestPeer.memory();
        mapping = Mapping.map(memory.fd(), 0, TestPeer.MEMORY);
        event = EventFd.create();
    }

    @AfterEach
    void end() {
        fixture.close();
        mapping.close();
        memory.close();
        event.close();
    }

    private static long features(final boolean packed) {
        return Features.of(Features.VERSION_1, Features.PROTOCOL_FEATURES)
            | (packed ? Features.of(Features.RING_PACKED) : 0);
    }

    private DriverRing driver(final boolean packed) {
        final long at = mapping.address() + (VRING << 16);
        return DriverRing.create(SIZE, features(packed), new RingAddresses(at, at + 0x4000, at + 0x8000));
    }

    private TestPeer running(final boolean packed, final MemFd area, final int base) throws IOException {
        final TestPeer peer = fixture.peer().negotiated(features(packed));
        peer.send(TestPeer.table(), memory.fd());
        if (area != null) {
            assertEquals(0,
                peer.ack(new Message.InflightFd(Request.SET_INFLIGHT_FD, area.size(), 0, 2, SIZE), area.fd()));
        }
        ring(peer, base);
        return peer;
    }

    private void ring(final TestPeer peer, final int base) throws IOException {
        start(peer, base);
        assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 1)));
    }

    private void start(final TestPeer peer, final int base) throws IOException {
        peer.send(new Message.SetVringNum(VRING, SIZE));
        peer.send(new Message.SetVringBase(VRING, base));
        peer.send(TestPeer.address(VRING));
        peer.send(new Message.SetVringFd(Request.SET_VRING_CALL, VRING, true), event.fd());
        peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, VRING, true), event.fd());
    }

    /** Sends frames, which no port receives, and waits until their buffers are used. */
    private void move(final DriverRing driver, final int frames) {
        for (int i = 0; i < frames; i++) {
            assertTrue(driver.add(TestPeer.GUEST + 0x8_0000, 72, false) >= 0);
        }
        show(driver);
        for (int i = 0; i < frames; i++) {
            SwitchFixture.await(() -> driver.poll() >= 0);
        }
    }

    private void show(final DriverRing driver) {
        if (driver.publish()) {
            event.signal();
        }
    }

    private void leave(final TestPeer peer) {
        peer.close();
        fixture.awaitDetached();
    }

    @ParameterizedTest
    @ValueSource(ints = {20, 24})
    void aNewAreaIsZeroedAndClosed(final int bytes) throws Exception {
        final long descriptors = SwitchFixture.openDescriptors();
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
        SwitchFixture.await(() -> SwitchFixture.openDescriptors() <= descriptors);
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
            peer.send(TestPeer.table(), memory.fd());
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
                move(driver, 7);
                assertEquals(1, Memory.getShort(region + 8), "version");
                assertEquals(SIZE, Memory.getShort(region + 10), "entries");
                final int used = packed ? round * 7 % SIZE : round * 7;
                SwitchFixture.await(() -> Memory.getShort(region + (packed ? 18 : 14)) == used);
                leave(peer);
            }
        }
    }

    private long sent() {
        return fixture.port.queues().get(VRING).statistics().inFrames();
    }

    @Test
    void aSplitRingResumesAtItsUsedIndexWithAnyBase() throws Exception {
        final DriverRing driver = driver(false);
        int used = 0;
        // the available index first, then arbitrary bases
        for (final int given : new int[] {5, 8, 0, 40_000, 25, 65_535}) {
            makeAvailable(driver, 5);
            final TestPeer peer = running(false, null, given);
            for (int i = 0; i < 5; i++) {
                SwitchFixture.await(() -> driver.poll() >= 0);
            }
            used += 5;
            peer.send(new Message.GetVringBase(VRING));
            try (Packet reply = peer.receive()) {
                assertEquals(used, Codec.vringNumber(reply.payload(), VRING));
            }
            makeAvailable(driver, 5);
            ring(peer, given);
            for (int i = 0; i < 5; i++) {
                SwitchFixture.await(() -> driver.poll() >= 0);
            }
            used += 5;
            leave(peer);
        }
    }

    @Test
    void anImpossibleUsedIndexIsIgnored() throws Exception {
        final DriverRing driver = driver(false);
        move(running(false, null, 0), driver, 3);
        makeAvailable(driver, 4);
        Memory.putShort(mapping.address() + (VRING << 16) + 0x8002, (short) 30_000);
        final TestPeer peer = running(false, null, 3);
        SwitchFixture.await(() -> sent() == 7);
        peer.send(new Message.GetVringBase(VRING));
        try (Packet reply = peer.receive()) {
            assertEquals(7, Codec.vringNumber(reply.payload(), VRING));
        }
        leave(peer);
    }

    private void move(final TestPeer peer, final DriverRing driver, final int frames) {
        move(driver, frames);
        leave(peer);
    }

    private void makeAvailable(final DriverRing driver, final int frames) {
        for (int i = 0; i < frames; i++) {
            assertTrue(driver.add(TestPeer.GUEST + 0x8_0000, 72, false) >= 0);
        }
        driver.publish();
    }

    /** Firmware and drivers fill the receive ring early, and some front-ends send the available index as the base. */
    @Test
    void receiveBuffersMadeAvailableEarlyAreFilled() throws Exception {
        final GuestPort other = fixture.datapath.addGuestPort("b", 1, 1500);
        final long at = mapping.address();
        final DriverRing receiving = DriverRing.create(SIZE, features(false),
            new RingAddresses(at, at + 0x4000, at + 0x8000));
        for (int i = 0; i < SIZE; i++) {
            receiving.add(TestPeer.GUEST + 0x8_0000 + 2048L * i, 2048, true);
        }
        receiving.publish();
        final TestPeer peer = fixture.peer().negotiated(features(false));
        peer.send(TestPeer.table(), memory.fd());
        peer.send(new Message.SetVringNum(0, SIZE));
        peer.send(new Message.SetVringBase(0, SIZE));
        peer.send(TestPeer.address(0));
        peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, 0, true), event.fd());
        assertEquals(0, peer.ack(new Message.SetVringEnable(0, 1)));
        for (int i = 1; i <= SIZE; i++) {
            other.announce(0x0200_0000_0002L + ((long) i << 32));
        }
        for (int i = 0; i < SIZE; i++) {
            SwitchFixture.await(() -> receiving.poll() >= 0);
        }
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
            move(running(false, area, 0), driver(false), 0);
            assertEquals(1, Memory.getShort(region + 8), "version");
            final DriverRing driver = driver(false);
            makeAvailable(driver, SIZE);
            markInFlight(region, 7);
            final byte[] before = content();
            final TestPeer peer = fixture.peer().negotiated(features(false));
            peer.send(TestPeer.table(), memory.fd());
            assertEquals(0,
                peer.ack(new Message.InflightFd(Request.SET_INFLIGHT_FD, area.size(), 0, 2, SIZE), area.fd()));
            start(peer, 0);
            if (suspended) {
                assertEquals(0, peer.ack(new Message.Suspend()));
                assertEquals(0, peer.ack(new Message.Resume()));
            }
            peer.number(new Message.GetFeatures());
            assertTrue(fixture.started(VRING));
            assertArrayEquals(before, content());
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 1)));
            for (int i = 0; i < SIZE; i++) {
                SwitchFixture.await(() -> driver.poll() >= 0);
            }
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
            makeAvailable(driver, 5);
            event.signal();
            final byte[] before = content();
            fixture.port.enableRing(0, false); // the worker completes a duty cycle
            fixture.port.enableRing(0, false);
            assertArrayEquals(before, content());
            assertEquals(0, peer.ack(new Message.SetVringEnable(VRING, 1)));
            for (int i = 0; i < 5; i++) {
                SwitchFixture.await(() -> driver.poll() >= 0);
            }
            assertEquals(5L * round, sent());
        }
        leave(peer);
    }

    private byte[] content() {
        final byte[] bytes = new byte[(int) TestPeer.MEMORY];
        Memory.copy(mapping.address(), bytes, 0, bytes.length);
        return bytes;
    }

    private TestPeer suspended(final boolean packed, final MemFd area) throws IOException {
        final TestPeer peer = fixture.peer().negotiated(features(packed));
        peer.send(TestPeer.table(), memory.fd());
        assertEquals(0, peer.ack(new Message.InflightFd(Request.SET_INFLIGHT_FD, area.size(), 0, 2, SIZE), area.fd()));
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
                driver.add(TestPeer.GUEST + 0x8_0000, 72, false);
                driver.publish();
                final byte[] before = content();
                final long recorded = Memory.getLong(region + 8);
                final TestPeer peer = suspended(packed, area);
                assertArrayEquals(before, content());
                assertEquals(recorded, Memory.getLong(region + 8));
                assertEquals(0, peer.ack(new Message.Resume()));
                SwitchFixture.await(() -> driver.poll() >= 0);
                move(driver, 6);
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
        move(driver(packed), 3);
        leave(again);
    }

    @Test
    void aTruncatedAreaFailsOnlyItsOwnPort() throws Exception {
        final DriverRing driver = driver(false);
        try (MemFd area = MemFd.create("inflight", 8192)) {
            final TestPeer peer = running(false, area, 0);
            move(driver, 1);
            area.resize(0);
            driver.add(TestPeer.GUEST + 0x8_0000, 72, false);
            show(driver);
            assertTrue(peer.ended());
            leave(peer);
        }
        final TestPeer again = running(false, null, 0);
        move(driver(false), 0);
        assertTrue(fixture.started(VRING));
        leave(again);
    }

    @Test
    void aPackedRingResumesAtThePositionInItsJournal() throws Exception {
        final DriverRing driver = driver(true);
        for (int round = 0; round < 40; round++) {
            final TestPeer peer = running(true, null, FRESH);
            move(driver, 7);
            leave(peer);
        }
        assertTrue(Files.exists(directory.resolve("a.1.journal")));
    }

    @Test
    void aPositionFromGetVringBaseOverridesTheJournal() throws Exception {
        final DriverRing driver = driver(true);
        final TestPeer peer = running(true, null, FRESH);
        move(driver, 7);
        peer.send(new Message.GetVringBase(VRING));
        try (Packet reply = peer.receive()) {
            assertEquals(0x8007_8007, Codec.vringNumber(reply.payload(), VRING));
        }
        ring(peer, 0x8007_8007);
        move(driver, 5);
        leave(peer);
        final TestPeer again = running(true, null, 0x8007_8007);
        move(driver, 5);
        leave(again);
        final TestPeer given = running(true, null, 0x8011_8011);
        move(driver, 5);
        leave(given);
    }

    /** Stops the ring by removing its memory, and starts it again in place. */
    private void unmapAndMapAgain(final TestPeer peer) throws IOException {
        final Message elsewhere = new Message.SetMemTable(List.of(new Message.Region(TestPeer.GUEST, 4096, 0x1000, 0)));
        assertEquals(1, peer.ack(elsewhere, memory.fd()), "the acknowledgement reports that the ring was stopped");
        assertFalse(fixture.started(VRING));
        peer.send(TestPeer.table(), memory.fd());
        peer.send(new Message.SetVringFd(Request.SET_VRING_KICK, VRING, true), event.fd());
        SwitchFixture.await(() -> fixture.started(VRING));
    }

    /** The ring is not created again before the port resumes. Until then only the journal has its position. */
    @Test
    void theJournalIsUsedForARingThatRestartsWhileSuspended() throws Exception {
        final DriverRing driver = driver(true);
        for (int round = 0; round < 10; round++) {
            final TestPeer peer = running(true, null, FRESH);
            move(driver, round);
            assertEquals(0, peer.ack(new Message.Suspend()));
            for (int i = 0; i < 2; i++) {
                unmapAndMapAgain(peer);
            }
            leave(peer);
        }
    }

    @Test
    void theJournalIsUsedForARingThatHasNotRunYet() throws Exception {
        final DriverRing driver = driver(true);
        leave(running(true, null, FRESH));
        final TestPeer first = running(true, null, FRESH);
        move(driver, 7);
        leave(first);
        final TestPeer peer = fixture.peer().negotiated(features(true));
        peer.send(TestPeer.table(), memory.fd());
        assertEquals(0, peer.ack(new Message.Suspend()));
        ring(peer, FRESH);
        unmapAndMapAgain(peer);
        assertEquals(0, peer.ack(new Message.Resume()));
        move(driver, 5);
        leave(peer);
    }

    @Test
    void anUndeliveredReplyLeavesThePositionInTheJournal() throws Exception {
        final DriverRing driver = driver(true);
        for (int round = 0; round < 3; round++) {
            final TestPeer peer = running(true, null, FRESH);
            move(driver, 7);
            fixture.backend.requestPause();
            fixture.backend.awaitPaused(30_000);
            peer.send(new Message.GetVringBase(VRING)); // read after the connection has closed
            peer.close();
            fixture.backend.resume();
            fixture.awaitDetached();
        }
    }

    @Test
    void theJournalIsUsedAfterANewMemoryTable() throws Exception {
        final DriverRing driver = driver(true);
        for (int round = 0; round < 3; round++) {
            final TestPeer peer = running(true, null, FRESH);
            move(driver, 7);
            peer.send(TestPeer.table(), memory.fd());
            move(driver, 7);
            leave(peer);
        }
    }

    /** Uses a chain at QEMU's own idea of the position, as QEMU does if the guest kicks while there is no back-end. */
    private void useByFrontEnd(final int index) {
        final long at = mapping.address() + (VRING << 16) + 16L * index;
        Memory.putInt(at + 8, 0);
        Memory.putShort(at + 14, (short) 0x8080);
    }

    @Test
    void chainsThatTheFrontEndHasUsedAreSkipped() throws Exception {
        final DriverRing driver = driver(true);
        final TestPeer peer = running(true, null, FRESH);
        for (int i = 0; i < 2 * SIZE - 4; i += 4) {
            move(driver, 4);
        }
        leave(peer);
        for (int i = 0; i < 12; i++) { // the fifth is at descriptor 0
            driver.add(TestPeer.GUEST + 0x8_0000, 72, false);
        }
        driver.publish();
        useByFrontEnd(0);
        final int known = FRESH + 0x1_0001;
        for (int i = 0; i < 2; i++) { // another crash before the ring is created changes nothing
            final TestPeer suspended = fixture.peer().negotiated(features(true));
            suspended.send(TestPeer.table(), memory.fd());
            assertEquals(0, suspended.ack(new Message.Suspend()));
            final byte[] before = content();
            ring(suspended, known);
            assertArrayEquals(before, content());
            leave(suspended);
        }
        final TestPeer again = running(true, null, known);
        for (int i = 0; i < 12; i++) {
            SwitchFixture.await(() -> driver.poll() >= 0);
        }
        assertEquals(SIZE, driver.free());
        for (int i = 0; i < 3 * SIZE; i += 4) {
            move(driver, 4);
        }
        leave(again);
        final TestPeer last = running(true, null, known);
        move(driver, 4);
        leave(last);
    }

    @Test
    void theJournalIsIgnoredForAResetRing() throws Exception {
        for (final int frames : new int[] {7, SIZE, SIZE + 7, 2 * SIZE + 1}) {
            final DriverRing driver = driver(true);
            final TestPeer peer = running(true, null, FRESH);
            for (int left = frames; left > 0; left -= Math.min(left, 5)) {
                move(driver, Math.min(left, 5));
            }
            leave(peer);
            Memory.zero(mapping.address(), TestPeer.MEMORY);
            final TestPeer again = running(true, null, FRESH);
            move(driver(true), 9);
            leave(again);
            Memory.zero(mapping.address(), TestPeer.MEMORY);
        }
    }

    @Test
    void theJournalOfAnotherGuestIsIgnored() throws Exception {
        final TestPeer peer = running(true, null, FRESH);
        move(driver(true), 7);
        leave(peer);
        final MemFd first = memory;
        mapping.close();
        memory = TestPeer.memory();
        mapping = Mapping.map(memory.fd(), 0, TestPeer.MEMORY);
        first.close();
        final TestPeer other = running(true, null, FRESH);
        move(driver(true), 7);
        leave(other);
    }
}
