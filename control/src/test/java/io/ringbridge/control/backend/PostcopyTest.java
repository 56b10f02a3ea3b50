package io.ringbridge.control.backend;

import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.Guest;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Userfault;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

import static io.ringbridge.control.backend.IncomingGuest.BUFFERS;
import static io.ringbridge.control.backend.IncomingGuest.PAGE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

/** Tests a guest that runs before its memory has arrived, while two other guests exchange frames. */
@Timeout(60)
class PostcopyTest {
    private static final long PACKED = Features.of(Features.RING_PACKED);
    private static final int RECEIVE = 0;
    private static final int TRANSMIT = 1;
    private static final int HEADER = 12;
    private static final int FRAMES = 8;
    private static final int LENGTH = PAGE + 100;
    /** No longer than the port's MTU. */
    private static final int SHORT = 1400;
    private static final long RING_OFFSET = (long) TRANSMIT << 16;

    @TempDir
    Path directory;
    private SwitchFixture fixture;
    private Talker one;
    private Talker other;
    private IncomingGuest guest;

    /** A guest with complete memory, on a port of its own. */
    private static final class Talker implements AutoCloseable {
        final GuestPort port;
        private final Backend backend;
        private final Guest guest;

        Talker(final SwitchFixture fixture, final Path socket) throws IOException {
            port = fixture.datapath.addGuestPort(socket.getFileName().toString(), 1, 9000);
            backend = Backend.open(port, BackendOptions.server(socket));
            guest = Guest.attach(socket, Frontend.DEFAULT_FEATURES, new QueueShape(256, 9200));
        }

        byte[] receive() {
            return Frames.next(guest.queues());
        }

        void send(final byte[] frame) {
            Frames.send(guest.queues(), frame);
        }

        @Override
        public void close() {
            guest.close();
            backend.close();
        }
    }

    @BeforeEach
    void start() throws IOException {
        final String problem = Userfault.problem();
        assumeTrue(problem == null, problem);
        final Path socket = directory.resolve("s");
        fixture = new SwitchFixture(socket, 1, BackendOptions.server(socket).with(ProtocolFeature.PAGEFAULT));
        one = new Talker(fixture, directory.resolve("one"));
        other = new Talker(fixture, directory.resolve("other"));
    }

    @AfterEach
    void end() throws Exception {
        for (final AutoCloseable each : new AutoCloseable[] {guest, one, other, fixture}) {
            if (each != null) {
                each.close();
            }
        }
    }

    private void arrive(final long layout) throws IOException {
        guest = new IncomingGuest(fixture.peer(), layout);
    }

    /** Returns a broadcast frame with this number in its content. */
    private static byte[] frame(final int number, final int length) {
        final ByteBuffer frame = ByteBuffer.allocate(length).putInt(-1).putShort((short) -1)
            .put(new byte[] {0x52, 0x54, 0, 0, 0, 0x77})
            .putShort((short) 0x88B5);
        for (int i = frame.position(); i < length; i++) {
            frame.put(i, (byte) (i * 31 + number));
        }
        return frame.array();
    }

    /** Returns the offset of a buffer. Each buffer starts near the end of a page. */
    private static long buffer(final int number) {
        return BUFFERS + 3L * PAGE * number + PAGE - 600;
    }

    /** Makes frames available in the memory at the source host. */
    private DriverRing sendAtSource() {
        final DriverRing driver = guest.driver(TRANSMIT);
        for (int i = 0; i < FRAMES; i++) {
            final byte[] frame = frame(i, LENGTH);
            Memory.copy(frame, 0, guest.source.ram.address() + buffer(i) + HEADER, frame.length);
            driver.add(IncomingGuest.guest(buffer(i)), HEADER + frame.length, false);
        }
        driver.publish();
        return driver;
    }

    /** Adds all pages of a range. */
    private static void addPages(final List<Long> pages, final long offset, final int length) {
        for (long page = offset & -PAGE; page < offset + length; page += PAGE) {
            pages.add(page);
        }
    }

    private void assertOthersTalk() {
        for (int i = 0; i < 100; i++) {
            one.send(frame(i, 200));
            assertArrayEquals(frame(i, 200), other.receive());
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void framesAreSentAsTheirPagesArrive(final boolean packed) throws Exception {
        arrive(packed ? PACKED : 0);
        sendAtSource();
        guest.share();
        guest.startRings(TRANSMIT);
        final long first = guest.awaitMissing();
        assertEquals(RING_OFFSET, first, "the ring itself");
        System.gc(); // returns only if every thread reaches a safepoint
        assertOthersTalk();
        assertFalse(guest.isPresent(first));
        guest.copy(first);
        long missing = guest.awaitMissing();
        while (missing < BUFFERS) {
            guest.copy(missing);
            missing = guest.awaitMissing();
        }
        for (int i = 0; i < FRAMES; i++) {
            assertEquals(buffer(i) & -PAGE, missing, "the first page of the frame");
            assertOthersTalk();
            guest.copy(missing);
            missing = guest.awaitMissing();
            assertEquals((buffer(i) & -PAGE) + PAGE, missing, "the second page of the frame");
            guest.copy(missing);
            assertArrayEquals(frame(i, LENGTH), receiveFromGuest());
            missing = i + 1 < FRAMES ? guest.awaitMissing() : 0;
        }
        final List<Long> expected = new ArrayList<>();
        addPages(expected, RING_OFFSET, 16 * IncomingGuest.RING);
        addPages(expected, RING_OFFSET + 0x4000, packed ? 4 : 6 + 2 * IncomingGuest.RING);
        addPages(expected, RING_OFFSET + 0x8000, packed ? 4 : 6 + 8 * IncomingGuest.RING);
        for (int i = 0; i < FRAMES; i++) {
            addPages(expected, buffer(i), HEADER + LENGTH);
        }
        assertEquals(Set.copyOf(expected), guest.missed);
        for (long offset = 0; offset < TestPeer.MEMORY; offset += PAGE) {
            assertEquals(guest.missed.contains(offset), guest.isPresent(offset), "only pages that arrived are present");
        }
        assertEquals(FRAMES, fixture.port.statistics().inFrames());
    }

    /** Receives the guest's next frame at both {@link #one} and {@link #other}. */
    private byte[] receiveFromGuest() {
        final byte[] frame = other.receive();
        final byte[] same = one.receive();
        assertArrayEquals(frame, same, "both receive the broadcast");
        return frame;
    }

    private long dropped() {
        return fixture.port.statistics().drops().getOrDefault(DropReason.PAGE_TO_COME, 0L);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void framesAreReceivedOnceTheirBuffersHavePages(final boolean packed) throws Exception {
        arrive(packed ? PACKED : 0);
        final DriverRing driver = guest.driver(RECEIVE);
        for (int i = 0; i < FRAMES; i++) {
            driver.add(IncomingGuest.guest(buffer(i)), 2 * PAGE, true);
        }
        driver.publish();
        for (int i = BUFFERS; i < TestPeer.MEMORY; i += 8) {
            Memory.putLong(guest.source.ram.address() + i, 0x1122_3344_5566_7788L);
        }
        guest.share();
        guest.startRings(RECEIVE);
        long missing = guest.awaitMissing();
        one.send(frame(0, SHORT));
        other.receive();
        Await.until(() -> dropped() == 1);
        while (missing < BUFFERS) {
            guest.copy(missing);
            missing = guest.awaitMissing();
        }
        assertEquals(buffer(0) & -PAGE, missing, "the page is requested before there is a frame");
        one.send(frame(1, SHORT));
        other.receive();
        Await.until(() -> dropped() == 2);
        guest.copy(missing);
        final long last = (buffer(FRAMES - 1) & -PAGE) + 2L * PAGE;
        guest.serveUntil(() -> guest.isPresent(last));
        for (int i = 0; i < FRAMES; i++) {
            final int number = i;
            one.send(frame(number, SHORT));
            other.receive();
            Await.until(() -> fixture.port.statistics().outFrames() == number + 1);
            final byte[] got = new byte[SHORT];
            Memory.copy(guest.view.address() + buffer(i) + HEADER, got, 0, SHORT);
            assertArrayEquals(frame(number, SHORT), got);
            final long end = guest.view.address() + buffer(i) + HEADER + SHORT;
            assertEquals(0x55, Memory.getByte((end + 7 & -8L) + 3) & 0xFF,
                "the bytes after the frame are from the source host");
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void pagesAreNoLongerAwaitedAfterTheEnd(final boolean packed) throws Exception {
        arrive(packed ? PACKED : 0);
        sendAtSource();
        guest.share();
        guest.startRings(TRANSMIT);
        guest.awaitMissing();
        guest.copyMissing();
        assertEquals(0, guest.peer.number(new Message.PostcopyEnd()));
        for (int i = 0; i < FRAMES; i++) {
            assertArrayEquals(frame(i, LENGTH), other.receive());
        }
        assertEquals(0, guest.peer.number(new Message.PostcopyEnd()), "QEMU sends it once per queue pair");
        assertEquals(0, guest.peer.ack(TestPeer.table(), guest.target.fd()), "memory is shared as without postcopy");
        assertTrue(fixture.started(TRANSMIT));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aFrontEndMayLeaveAtAnyTime(final boolean ring) throws Exception {
        long descriptors = 0;
        long mappings = 0;
        for (int i = 0; i < 5; i++) {
            arrive(0);
            sendAtSource();
            guest.share();
            guest.startRings(TRANSMIT);
            long missing = guest.awaitMissing();
            while (ring && missing < BUFFERS) {
                guest.copy(missing);
                missing = guest.awaitMissing();
            }
            guest.peer.close(); // its userfaultfd stays open, so that only the back-end can end the wait
            fixture.awaitDetached();
            assertFalse(guest.isPresent(missing), "the page is not created");
            assertTrue(Thread.getAllStackTraces().keySet().stream().noneMatch(t -> t.getName().equals("rb-pages-a")));
            guest.close();
            guest = null;
            assertOthersTalk();
            if (i == 0) {
                descriptors = OpenDescriptors.count();
                mappings = SwitchFixture.mappings();
            }
        }
        assertEquals(descriptors, OpenDescriptors.count());
        assertEquals(mappings, SwitchFixture.mappings());
    }

    @Test
    void aRingThatWaitsForAPageCanBeStoppedAndSuspended() throws Exception {
        arrive(0);
        sendAtSource();
        guest.share();
        guest.startRings(TRANSMIT);
        final long missing = guest.awaitMissing();
        assertEquals(0, guest.peer.number(new Message.GetVringBase(TRANSMIT)) >>> 32);
        assertFalse(fixture.started(TRANSMIT));
        guest.startRings(TRANSMIT);
        fixture.port.suspend(SuspendCause.OPERATOR);
        guest.copy(missing);
        fixture.port.resume(SuspendCause.OPERATOR);
        guest.serveUntil(() -> guest.isPresent(buffer(0) & -PAGE));
        fixture.port.suspend(SuspendCause.OPERATOR);
        assertOthersTalk();
        fixture.port.resume(SuspendCause.OPERATOR);
        guest.serveUntil(() -> fixture.port.statistics().inFrames() == FRAMES);
        for (int i = 0; i < FRAMES; i++) {
            assertArrayEquals(frame(i, LENGTH), other.receive());
        }
        assertEquals(FRAMES, guest.peer.number(new Message.GetVringBase(TRANSMIT)) >>> 32);
    }

    @Test
    void truncatedMemoryFailsThePort() throws Exception {
        arrive(0);
        sendAtSource();
        guest.share();
        guest.startRings(TRANSMIT);
        long missing = guest.awaitMissing();
        while (missing < BUFFERS) {
            guest.copy(missing);
            missing = guest.awaitMissing();
        }
        guest.target.resize(BUFFERS);
        guest.wake(missing);
        assertTrue(guest.peer.ended());
        fixture.awaitDetached();
        assertOthersTalk();
    }
}
