package io.ringbridge.datapath;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.MemoryRegion;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Holes;
import io.ringbridge.datapath.port.CaptureEvent;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortCapture;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Captures of frames at ports: bytes, verdicts, reasons for drops, losses, and faults while a frame is copied. */
@Timeout(30)
class CaptureTest {
    private static final int MTU = 1500;
    private static final long HOLE = 0x8_0000_0000L;

    private final List<TestGuest> guests = new ArrayList<>();
    private final List<PortCapture> captures = new ArrayList<>();
    private Datapath datapath = stepped(1);

    /** A captured frame. */
    @SuppressWarnings("ArrayRecordComponent")
    private record Captured(CaptureEvent event, DropReason reason, int peer, int length, byte[] bytes) {
        String what() {
            return event + (reason == null ? "" : " " + reason.label()) + " " + length;
        }
    }

    /** Returns a datapath that records no headers, so that captures are the first to copy a frame. */
    private static Datapath stepped(final int workers) {
        return Datapath.stepped(new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5))
            .withRecordedFrames(0), System::nanoTime);
    }

    @AfterEach
    void close() {
        captures.forEach(datapath::end);
        guests.forEach(TestGuest::close);
        datapath.close();
    }

    private TestGuest guest(final PortVlan vlan, final Rings rings) {
        final TestGuest guest = TestGuest.up(datapath.addGuestPort("g" + guests.size(), 1, MTU, vlan), rings);
        guests.add(guest);
        return guest;
    }

    private TestGuest guest() {
        return guest(null, Rings.SPLIT);
    }

    private PortCapture capture(final Port port, final boolean in, final boolean out, final int snapLength) {
        final PortCapture capture = datapath.capture(port, in, out, snapLength);
        captures.add(capture);
        return capture;
    }

    private PortCapture capture(final TestGuest guest) {
        return capture(guest.port, true, true, PortCapture.MAX_SNAP_LENGTH);
    }

    private void send(final TestGuest from, final byte[] frame) {
        from.send(frame);
        run();
        from.reap();
    }

    private void run() {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private static List<Captured> read(final PortCapture capture) {
        final List<Captured> frames = new ArrayList<>();
        int before;
        do { // a read ends where the ring wraps
            before = frames.size();
            capture.read(frame -> {
                final byte[] bytes = new byte[frame.captured()];
                frame.buffer().getBytes(frame.offset(), bytes);
                return frames.add(new Captured(frame.event(), frame.reason(), frame.peer(), frame.length(), bytes));
            });
        } while (frames.size() > before);
        return frames;
    }

    private static List<String> what(final List<Captured> frames) {
        return frames.stream().map(Captured::what).toList();
    }

    @ParameterizedTest
    @EnumSource(Rings.class)
    void aFrameIsCapturedWithItsFateAtEitherPort(final Rings rings) {
        final TestGuest a = guest(null, rings);
        final TestGuest b = guest(null, rings);
        final PortCapture atA = capture(a);
        final PortCapture atB = capture(b);
        final byte[] hello = Frames.broadcast(1, 60);
        final byte[] back = Frames.ethernet(1, 2, 1000);
        final byte[] long1 = Frames.ethernet(2, 1, MTU + 15);
        final byte[] own = Frames.ethernet(1, 1, 70);
        send(a, hello);
        send(b, back);
        send(a, long1);
        send(a, own);
        send(a, new byte[9]);
        final List<Captured> seenByA = read(atA);
        assertEquals(List.of("FLOODED 60", "DELIVERED 1000", "FORWARDED 1515", "DROPPED_IN same-port 70",
            "DROPPED_IN short-frame 9"), what(seenByA));
        assertArrayEquals(hello, seenByA.get(0).bytes);
        assertArrayEquals(back, seenByA.get(1).bytes);
        assertArrayEquals(long1, seenByA.get(2).bytes);
        assertEquals(b.port.index(), seenByA.get(2).peer);
        assertArrayEquals(own, seenByA.get(3).bytes);
        final List<Captured> seenByB = read(atB);
        assertEquals(List.of("DELIVERED 60", "FORWARDED 1000", "DROPPED_OUT mtu-exceeded 1515"), what(seenByB));
        assertArrayEquals(long1, seenByB.get(2).bytes);
        assertEquals(2, b.received().size() + a.received().size());
        assertEquals(0, atA.lost() + atB.lost());
    }

    @Test
    void aBadChainIsCapturedWithoutBytes() {
        final TestGuest a = guest();
        final PortCapture atA = capture(a);
        a.transmit.getFirst().ring.add(HOLE, 100, false); // outside the guest's memory
        a.transmit.getFirst().ring.publish();
        run();
        assertEquals(List.of("DROPPED_IN bad-descriptor 0"), what(read(atA)));
    }

    @Test
    void aCaptureContainsTheChosenDirectionAndLength() {
        final TestGuest a = guest();
        final TestGuest b = guest();
        final PortCapture in = capture(a.port, true, false, 20);
        final PortCapture out = capture(a.port, false, true, 14);
        final byte[] hello = Frames.broadcast(1, 60);
        final byte[] back = Frames.ethernet(1, 2, 80);
        send(a, hello);
        send(b, back);
        assertEquals(List.of("FLOODED 60"), what(read(in)));
        final List<Captured> received = read(out);
        assertEquals(List.of("DELIVERED 80"), what(received));
        assertArrayEquals(Arrays.copyOf(back, 14), received.getFirst().bytes);
        datapath.end(in);
        captures.remove(in);
        send(a, hello);
        send(b, back);
        assertEquals(List.of("DELIVERED 80"), what(read(out)), "the other capture continues");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void tagsAreThoseOnTheWireOfThePort(final int workers) {
        datapath.close();
        datapath = stepped(workers);
        final BitSet allowed = new BitSet();
        allowed.set(10);
        final TestGuest trunk = guest(PortVlan.trunk(allowed, 0), Rings.SPLIT);
        final TestGuest access = guest(PortVlan.access(10), Rings.SPLIT);
        final PortCapture atTrunk = capture(trunk);
        final PortCapture atAccess = capture(access);
        final byte[] bare = Frames.ethernet(1, 2, 100);
        final byte[] tagged = Tags.insert(bare, 10);
        send(access, bare);
        send(trunk, Tags.insert(Frames.ethernet(2, 1, 100), 10));
        send(trunk, Tags.insert(Frames.ethernet(2, 1, 100), 20));
        final List<Captured> seenByTrunk = read(atTrunk);
        assertEquals(List.of("DELIVERED 104", "FORWARDED 104", "DROPPED_IN vlan-not-allowed 104"), what(seenByTrunk));
        assertArrayEquals(tagged, seenByTrunk.getFirst().bytes);
        assertEquals(access.port.index(), seenByTrunk.get(1).peer);
        final List<Captured> seenByAccess = read(atAccess);
        assertEquals(List.of("FLOODED 100", "DELIVERED 100"), what(seenByAccess));
        assertArrayEquals(bare, seenByAccess.getFirst().bytes);
    }

    @Test
    void framesOfAnUplinkAreCapturedToo() {
        datapath.close();
        datapath = Datapath.stepped(DatapathOptions.DEFAULT, new Wire.Clock()::nanos);
        final TestGuest a = guest();
        final UplinkPort uplink = datapath.addUplinkPort("up", 1, MTU);
        try (Wire wire = new Wire()) {
            uplink.attach(List.of(wire), true);
            final PortCapture atUplink = capture(uplink, true, true, PortCapture.MAX_SNAP_LENGTH);
            wire.given.add(Frames.broadcast(7, 60));
            wire.given.add(new byte[5]);
            run();
            final byte[] answer = Frames.ethernet(7, 1, 90);
            send(a, answer);
            uplink.mtu(80);
            send(a, Frames.ethernet(7, 1, 95));
            final List<Captured> seen = read(atUplink);
            assertEquals(List.of("FLOODED 60", "DROPPED_IN short-frame 5", "DELIVERED 90",
                "DROPPED_OUT mtu-exceeded 95"), what(seen));
            assertArrayEquals(answer, seen.get(2).bytes);
            datapath.remove(uplink);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aReaderThatHasStoppedCostsNoFrameAndItsLossesAreCounted(final int workers) {
        datapath.close();
        datapath = stepped(workers);
        final TestGuest a = guest();
        final TestGuest b = guest();
        send(a, Frames.broadcast(1, 60));
        send(b, Frames.broadcast(2, 60));
        a.received();
        b.received();
        final PortCapture stopped = capture(a.port, true, false, PortCapture.MAX_SNAP_LENGTH);
        final int sent = 4000;
        int arrived = 0;
        final long mark = a.mark();
        for (int i = 0; i < sent; i++) {
            send(a, Frames.ethernet(2, 1, 1514));
            a.release(mark);
            arrived += b.received().size();
        }
        assertEquals(sent, arrived);
        assertTrue(stopped.lost() > 0, "the ring is smaller than what was sent");
        assertEquals(sent, read(stopped).size() + stopped.lost());
        send(a, Frames.ethernet(2, 1, 60));
        assertEquals(List.of("FORWARDED 60"), what(read(stopped)), "the capture continues once it is read");
    }

    @Test
    void aFrameForASuspendedPortIsDroppedThere() {
        final TestGuest a = guest();
        final TestGuest b = guest();
        send(b, Frames.broadcast(2, 60));
        b.port.suspend(SuspendCause.OPERATOR);
        final PortCapture atA = capture(a);
        final PortCapture atB = capture(b);
        send(a, Frames.ethernet(2, 1, 60));
        assertEquals(List.of("FORWARDED 60"), what(read(atA)));
        assertEquals(List.of("DROPPED_OUT port-suspended 60"), what(read(atB)));
    }

    /** Only the copy for the capture accesses the payload: the frame is dropped for its addresses. */
    @Test
    void aFaultWhileAFrameIsCopiedCostsItsPortOnly() throws Exception {
        final TestGuest a = guest();
        final TestGuest b = guest();
        try (Holes holes = Holes.onAFullFileSystem();
             MemoryRegion hole = MemoryRegion.map(HOLE, Holes.SIZE, HOLE, 0, Fd.duplicate(holes.fd()));
             TestGuest faulty = new TestGuest(datapath.addGuestPort("faulty", 1, MTU), Rings.SPLIT.features, 256,
                 2048)) {
            faulty.memory = GuestMemory.of(List.of(faulty.memory.regions().getFirst(), hole));
            faulty.start();
            send(a, Frames.broadcast(1, 60));
            send(b, Frames.broadcast(2, 60));
            send(faulty, Frames.broadcast(3, 60));
            final PortCapture atFaulty = capture(faulty);
            final PortCapture atA = capture(a);
            a.received();
            b.received();
            final byte[] start = Frames.ethernet(3, 3, 60);
            final long buffer = faulty.allocate(TestGuest.HEADER + start.length, 64);
            Memory.copy(start, 0, buffer + TestGuest.HEADER, start.length);
            final Segments pieces = new Segments();
            pieces.add(faulty.guest(buffer), TestGuest.HEADER + start.length);
            pieces.add(HOLE, 500);
            faulty.transmit.getFirst().ring.add(pieces, false);
            faulty.transmit.getFirst().ring.publish();
            a.send(Frames.ethernet(2, 1, 100));
            run();
            assertNotNull(faulty.port.failure(), "the port whose memory faulted");
            assertEquals(List.of(), read(atFaulty));
            assertEquals(1, atFaulty.lost());
            send(a, Frames.ethernet(2, 1, 101));
            assertEquals(List.of(100, 101), b.received().stream().map(frame -> frame.length).toList());
            assertNull(a.port.failure());
            assertNull(b.port.failure());
            assertEquals(List.of("FORWARDED 100", "FORWARDED 101"), what(read(atA)));
            captures.remove(atFaulty);
            datapath.end(atFaulty);
        }
    }

    /** The receiver's port is captured, and the sender's memory faults in the middle of a burst. */
    @ParameterizedTest
    @EnumSource(Rings.class)
    void noFrameIsDeliveredTwiceIfTheSendersMemoryFaults(final Rings rings) throws Exception {
        final TestGuest a = guest(null, rings);
        final TestGuest b = guest(null, rings);
        try (Holes holes = Holes.onAFullFileSystem();
             MemoryRegion hole = MemoryRegion.map(HOLE, Holes.SIZE, HOLE, 0, Fd.duplicate(holes.fd()));
             TestGuest faulty = new TestGuest(datapath.addGuestPort("faulty", 1, MTU), rings.features, 256, 2048)) {
            faulty.memory = GuestMemory.of(List.of(faulty.memory.regions().getFirst(), hole));
            faulty.start();
            send(b, Frames.broadcast(2, 60));
            send(a, Frames.broadcast(1, 60));
            b.received();
            final PortCapture atB = capture(b);
            faulty.send(Frames.ethernet(2, 3, 200));
            final Segments pieces = new Segments();
            final long buffer = faulty.allocate(TestGuest.HEADER + 60, 64);
            Memory.copy(Frames.ethernet(2, 3, 60), 0, buffer + TestGuest.HEADER, 60);
            pieces.add(faulty.guest(buffer), TestGuest.HEADER + 60);
            pieces.add(HOLE, 500);
            faulty.transmit.getFirst().ring.add(pieces, false);
            faulty.transmit.getFirst().ring.publish();
            a.send(Frames.ethernet(2, 1, 100));
            run();
            send(a, Frames.ethernet(2, 1, 101));
            assertNotNull(faulty.port.failure(), "the port whose memory faulted");
            final List<Integer> received = b.received().stream().map(frame -> frame.length).toList();
            assertEquals(List.of(100, 101), received.stream().filter(length -> length < 200).toList());
            assertTrue(received.stream().filter(length -> length == 200).count() <= 1, received.toString());
            assertEquals(List.of("DELIVERED 100", "DELIVERED 101"),
                what(read(atB)).stream().filter(each -> each.startsWith("DELIVERED 10")).toList());
        }
    }
}
