package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Codec;
import io.ringbridge.control.protocol.Header;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Tests a guest behind an IOMMU: rings and buffers are at I/O virtual addresses, which the front-end translates on
 * request.
 */
@Timeout(60)
class IommuTest extends SessionFixture {
    private static final long TRANSLATED = Features.of(Features.VERSION_1, Features.PROTOCOL_FEATURES,
        Features.ACCESS_PLATFORM);
    private static final int TRANSMIT = 1;
    private static final long PAGE = 4096;
    /** The parts of the transmit ring, as {@link TestPeer#address} places them. */
    private static final long RING = TestPeer.USER + (TRANSMIT << 16);
    private static final long AVAILABLE = RING + 0x4000;
    private static final long USED = RING + 0x8000;
    private static final long BUFFERS = 0x10_0000_0000L;
    /** The distance from an I/O virtual address of the ring to its place in the guest's memory. */
    private static final long SHIFT = 0x40000;

    private TestPeer peer;
    private RequestSocket requests;

    IommuTest() {
        super(1, defaults -> defaults.withIommu(true));
    }

    @BeforeEach
    void connect() throws IOException {
        peer = fixture.peer();
        requests = new RequestSocket();
    }

    @AfterEach
    void disconnect() throws IOException {
        requests.close();
        peer.close();
    }

    private void setUp() throws IOException {
        peer.negotiated(TRANSLATED);
        assertEquals(0, requests.giveTo(peer));
        peer.running(TRANSLATED, guest, TRANSMIT);
    }

    private long update(final long address, final long size, final long user, final int access) throws IOException {
        return peer.number(new Message.Iotlb(address, size, user, access, Message.Iotlb.UPDATE));
    }

    private long invalidate(final long address, final long size) throws IOException {
        return peer.number(new Message.Iotlb(address, size, 0, 0, Message.Iotlb.INVALIDATE));
    }

    private void expect(final long address, final int access, final int type) throws IOException {
        requests.expect(BackendRequest.IOTLB_MSG, Codec.encode(new Message.Iotlb(address, 0, 0, access, type)));
    }

    /** Expects a miss of this address, and answers it with a translation. */
    private void serve(final long address, final long user, final int access) throws IOException {
        expect(address, access, Message.Iotlb.MISS);
        assertEquals(0, update(address & -PAGE, PAGE, user, Iotlb.READ | Iotlb.WRITE));
        requests.acknowledge(BackendRequest.IOTLB_MSG, 0);
    }

    private void serveRing() throws IOException {
        serve(RING, RING + SHIFT, Iotlb.READ);
        serve(AVAILABLE, AVAILABLE + SHIFT, Iotlb.READ);
        assertFalse(fixture.started(TRANSMIT));
        serve(USED, USED + SHIFT, Iotlb.WRITE);
        assertTrue(fixture.started(TRANSMIT));
    }

    /** Makes the next buffer available. It is too short for a frame, but the device uses it nevertheless. */
    private void makeAvailable(final int number, final long address) {
        makeAvailable(number, address, 16);
    }

    private void makeAvailable(final int number, final long address, final int length) {
        final long ring = guest.ring(TRANSMIT) + SHIFT;
        final long descriptor = ring + 16L * number;
        Memory.putLong(descriptor, address);
        Memory.putLong(descriptor + 8, length);
        Memory.putShort(ring + 0x4004 + 2L * number, (short) number);
        Memory.putShortRelease(ring + 0x4002, (short) (number + 1));
        guest.event.signal();
    }

    private int used() {
        return Memory.getShortAcquire(guest.ring(TRANSMIT) + SHIFT + 0x8002);
    }

    @Test
    void theFeatureNeedsAnOption() throws Exception {
        assertTrue(Features.has(peer.number(new Message.GetFeatures()), Features.ACCESS_PLATFORM));
        final Path other = directory.resolve("plain");
        try (SwitchFixture plain = new SwitchFixture(other, 1, BackendOptions.server(other));
             TestPeer without = plain.peer()) {
            final long offered = without.number(new Message.GetFeatures());
            assertFalse(Features.has(offered, Features.ACCESS_PLATFORM));
            without.running(TRANSLATED & offered, guest, TRANSMIT);
            assertTrue(plain.started(TRANSMIT));
            assertEquals(1, without.number(new Message.Iotlb(0, PAGE, TestPeer.USER, 3, Message.Iotlb.UPDATE)),
                "not negotiated");
            assertTrue(plain.started(TRANSMIT));
        }
    }

    @Test
    void translationsOfRingsAndBuffersAreRequested() throws Exception {
        setUp();
        assertFalse(fixture.started(TRANSMIT));
        serveRing();
        for (int i = 0; i < 5; i++) {
            makeAvailable(i, BUFFERS + i * PAGE);
            serve(BUFFERS + i * PAGE, TestPeer.USER + 0x90000, Iotlb.READ);
            final int number = i;
            Await.until(() -> used() == number + 1);
        }
        assertEquals(5, peer.number(new Message.GetVringBase(TRANSMIT)) >>> 32);
        assertEquals(5, fixture.port.statistics().drops().get(DropReason.SHORT_FRAME));
    }

    @Test
    void knownTranslationsAreNotRequested() throws Exception {
        peer.negotiated(TRANSLATED);
        assertEquals(0, requests.giveTo(peer));
        peer.send(TestPeer.table(), guest.fd());
        assertEquals(0,
            update(TestPeer.USER, TestPeer.MEMORY - SHIFT, TestPeer.USER + SHIFT, Iotlb.READ | Iotlb.WRITE));
        peer.running(TRANSLATED, guest, TRANSMIT);
        assertTrue(fixture.started(TRANSMIT));
        makeAvailable(0, TestPeer.USER + 0x90000);
        Await.until(() -> used() == 1);
        makeAvailable(1, BUFFERS);
        expect(BUFFERS, Iotlb.READ, Message.Iotlb.MISS);
    }

    @Test
    void aRingResumesOnceAnInvalidatedPartIsMappedAgain() throws Exception {
        setUp();
        serveRing();
        assertEquals(0, update(BUFFERS, PAGE, TestPeer.USER + 0x90000, Iotlb.READ));
        makeAvailable(0, BUFFERS);
        Await.until(() -> used() == 1);
        for (final long part : new long[] {RING, AVAILABLE, USED}) {
            final int before = used();
            assertEquals(0, invalidate(part, 1));
            assertFalse(fixture.started(TRANSMIT));
            makeAvailable(before, BUFFERS);
            assertEquals(0, peer.ack(new Message.SetOwner()));
            assertEquals(before, used());
            serve(part, part + SHIFT, part == USED ? Iotlb.WRITE : Iotlb.READ);
            Await.until(() -> used() == before + 1);
        }
        assertEquals(0, invalidate(BUFFERS, PAGE));
        assertTrue(fixture.started(TRANSMIT), "the range is not part of the ring");
        makeAvailable(4, BUFFERS);
        expect(BUFFERS, Iotlb.READ, Message.Iotlb.MISS);
        assertEquals(0, invalidate(0, 0), "everything");
        assertFalse(fixture.started(TRANSMIT));
        assertEquals(4, peer.number(new Message.GetVringBase(TRANSMIT)) >>> 32, "the position is kept");
    }

    @Test
    void chainsOfARefusedBufferAreUsed() throws Exception {
        setUp();
        serveRing();
        makeAvailable(0, BUFFERS);
        expect(BUFFERS, Iotlb.READ, Message.Iotlb.MISS);
        requests.acknowledge(BackendRequest.IOTLB_MSG, 1);
        Await.until(() -> used() == 1);
        assertEquals(1, fixture.port.statistics().drops().get(DropReason.BAD_DESCRIPTOR));
        assertEquals(0, update(BUFFERS, PAGE, TestPeer.USER + 0x90000, Iotlb.WRITE));
        makeAvailable(1, BUFFERS);
        expect(BUFFERS, Iotlb.READ, Message.Iotlb.MISS);
        assertEquals(0, update(BUFFERS, PAGE, TestPeer.USER + 0x90000, Iotlb.WRITE));
        requests.acknowledge(BackendRequest.IOTLB_MSG, 0);
        expect(BUFFERS, Iotlb.READ, Message.Iotlb.ACCESS_FAIL);
        requests.acknowledge(BackendRequest.IOTLB_MSG, 0);
        Await.until(() -> used() == 2);
    }

    @Test
    void invalidUpdatesAreRefusedAndChangeNothing() throws Exception {
        setUp();
        serveRing();
        final long user = TestPeer.USER + 0x90000;
        for (final Message.Iotlb bad : List.of(
            new Message.Iotlb(BUFFERS, 0, user, 3, Message.Iotlb.UPDATE),
            new Message.Iotlb(BUFFERS, -PAGE, user, 3, Message.Iotlb.UPDATE),
            new Message.Iotlb(-PAGE, 2 * PAGE, user, 3, Message.Iotlb.UPDATE),
            new Message.Iotlb(BUFFERS, PAGE, TestPeer.USER - 1, 3, Message.Iotlb.UPDATE),
            new Message.Iotlb(BUFFERS, PAGE, TestPeer.USER + TestPeer.MEMORY - PAGE + 1, 3, Message.Iotlb.UPDATE),
            new Message.Iotlb(BUFFERS, PAGE, -PAGE, 3, Message.Iotlb.UPDATE),
            new Message.Iotlb(BUFFERS, Long.MAX_VALUE, user, 3, Message.Iotlb.UPDATE),
            new Message.Iotlb(BUFFERS, PAGE, user, 4, Message.Iotlb.UPDATE),
            new Message.Iotlb(BUFFERS, PAGE, user, 3, Message.Iotlb.MISS),
            new Message.Iotlb(BUFFERS, PAGE, user, 3, Message.Iotlb.ACCESS_FAIL),
            new Message.Iotlb(BUFFERS, PAGE, user, 3, 0),
            new Message.Iotlb(BUFFERS, PAGE, user, 3, 255),
            new Message.Iotlb(BUFFERS, 0, 0, 0, Message.Iotlb.INVALIDATE))) {
            assertEquals(1, peer.number(bad), bad::toString);
        }
        assertTrue(fixture.started(TRANSMIT));
        makeAvailable(0, BUFFERS);
        serve(BUFFERS, user, Iotlb.READ);
        Await.until(() -> used() == 1);
        for (int i = 0; i < 2 * Iotlb.MAX_ENTRIES; i++) {
            assertEquals(0, update(BUFFERS + (i + 1) * PAGE, PAGE, user, Iotlb.READ));
        }
        makeAvailable(1, BUFFERS + PAGE);
        serve(BUFFERS + PAGE, user, Iotlb.READ);
        Await.until(() -> used() == 2);
        assertTrue(fixture.started(TRANSMIT), "the ring runs although its own entries were evicted");
    }

    @Test
    void anEntryWithoutPermissionDeniesAccessUntilItIsReplaced() throws Exception {
        setUp();
        serveRing();
        final long user = TestPeer.USER + 0x90000;
        makeAvailable(0, BUFFERS);
        expect(BUFFERS, Iotlb.READ, Message.Iotlb.MISS);
        assertEquals(0, update(BUFFERS, PAGE, 0, 0), "the user address is ignored");
        requests.acknowledge(BackendRequest.IOTLB_MSG, 0);
        expect(BUFFERS, Iotlb.READ, Message.Iotlb.ACCESS_FAIL);
        requests.acknowledge(BackendRequest.IOTLB_MSG, 0);
        Await.until(() -> used() == 1);
        assertEquals(1, fixture.port.statistics().drops().get(DropReason.BAD_DESCRIPTOR));
        assertEquals(0, update(BUFFERS, PAGE, user, Iotlb.READ));
        makeAvailable(1, BUFFERS);
        Await.until(() -> used() == 2);
        assertEquals(0, update(BUFFERS, PAGE, user, 0), "the permission is revoked");
        makeAvailable(2, BUFFERS);
        expect(BUFFERS, Iotlb.READ, Message.Iotlb.MISS);
        assertEquals(0, update(BUFFERS, PAGE, user, Iotlb.READ));
        requests.acknowledge(BackendRequest.IOTLB_MSG, 0);
        Await.until(() -> used() == 3);
        assertEquals(1, fixture.port.statistics().drops().get(DropReason.BAD_DESCRIPTOR));
    }

    @Test
    void aNewEntryReplacesAnOldOne() throws Exception {
        setUp();
        serveRing();
        for (int i = 0; i < 4; i++) {
            final long place = 0x90000 + 3 * PAGE * i;
            // Each place has a frame from a different station.
            Memory.putLong(guest.ram.address() + place + 12, 0x5452_FFFF_FFFF_FFFFL);
            Memory.putInt(guest.ram.address() + place + 12 + 8, i << 24);
            assertEquals(0, update(BUFFERS - PAGE, 3 * PAGE, TestPeer.USER + place - PAGE, Iotlb.READ));
            makeAvailable(i, BUFFERS, 72);
            final int number = i;
            Await.until(() -> used() == number + 1);
            final String station = "52:54:00:00:00:0" + i;
            assertTrue(fixture.datapath.stations().stream().anyMatch(entry -> entry.mac().equals(station)), station);
        }
        Memory.putShort(guest.ram.address() + 0x60002, (short) 4);
        assertEquals(0, update(AVAILABLE, PAGE, TestPeer.USER + 0x60000, Iotlb.READ), "a part of the ring itself");
        assertTrue(fixture.started(TRANSMIT));
        Memory.putShortRelease(guest.ram.address() + 0x60002, (short) 5);
        guest.event.signal();
        Await.until(() -> used() == 5);
    }

    @Test
    void memoryAndChannelMayChangeDuringAMiss() throws Exception {
        setUp();
        serveRing();
        makeAvailable(0, BUFFERS);
        expect(BUFFERS, Iotlb.READ, Message.Iotlb.MISS);
        try (RequestSocket other = new RequestSocket()) {
            assertEquals(0, other.giveTo(peer));
            other.expect(BackendRequest.IOTLB_MSG,
                Codec.encode(new Message.Iotlb(BUFFERS, 0, 0, Iotlb.READ, Message.Iotlb.MISS)));
            assertEquals(0, peer.ack(TestPeer.table(), guest.fd()));
            assertTrue(fixture.started(TRANSMIT), "the translations remain valid with the new table");
            assertEquals(0, update(BUFFERS, PAGE, TestPeer.USER + 0x90000, Iotlb.READ));
            Await.until(() -> used() == 1);
        }
    }

    @Test
    void aStoppedDeviceForgetsItsTranslations() throws Exception {
        setUp();
        serveRing();
        peer.number(new Message.GetVringBase(TRANSMIT));
        peer.running(TRANSLATED, guest, TRANSMIT);
        assertFalse(fixture.started(TRANSMIT));
        serveRing();
        assertEquals(0, peer.ack(new Message.ResetDevice()));
        assertEquals(1, update(BUFFERS, PAGE, TestPeer.USER, Iotlb.READ), "no feature is negotiated");
    }

    @Test
    void aSuspendedDeviceRequestsNothing() throws Exception {
        setUp();
        serveRing();
        assertEquals(0, peer.ack(new Message.Suspend()));
        assertEquals(0, invalidate(USED, PAGE));
        makeAvailable(0, BUFFERS);
        try (RequestSocket before = requests) {
            requests = new RequestSocket();
            assertEquals(0, requests.giveTo(peer));
            assertNull(before.receive(), "closed without a request");
        }
        assertEquals(0, peer.ack(new Message.Resume()));
        serve(USED, USED + SHIFT, Iotlb.WRITE);
        serve(BUFFERS, TestPeer.USER + 0x90000, Iotlb.READ);
        Await.until(() -> used() == 1);
    }

    @Test
    void messagesOfBothLengthsAreAnsweredOnce() throws Exception {
        setUp();
        final byte[] whole = Codec.encode(new Message.Iotlb(BUFFERS, PAGE, TestPeer.USER, 3, Message.Iotlb.UPDATE));
        for (final int length : new int[] {26, 32}) {
            peer.send(Request.IOTLB_MSG, Header.VERSION | Header.NEED_REPLY, Arrays.copyOf(whole, length));
            assertEquals(0, peer.replyTo(Request.IOTLB_MSG));
        }
        assertEquals(0, peer.ack(new Message.SetOwner()));
    }
}
