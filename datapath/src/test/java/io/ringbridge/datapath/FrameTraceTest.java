package io.ringbridge.datapath;

import io.ringbridge.datapath.port.CaptureEvent;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.port.TracedFrame;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests which frames the ports' traces keep, and what they say about them, with a clock that the test advances. */
class FrameTraceTest {
    private static final int HEADER = 64;

    private final AtomicLong nanos = new AtomicLong(1);
    private long perReading;
    private final List<TestGuest> guests = new ArrayList<>();
    private Datapath datapath;

    private void start(final int workers, final int frames) {
        datapath = Datapath.stepped(new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024, Duration.ofHours(24))
            .withRecordedFrames(frames), () -> nanos.addAndGet(perReading));
    }

    private TestGuest guest(final int mtu) {
        final TestGuest guest = TestGuest.up(datapath.addGuestPort("g" + guests.size(), 1, mtu));
        guests.add(guest);
        return guest;
    }

    private TestGuest guest(final PortVlan vlan) {
        final TestGuest guest = TestGuest.up(datapath.addGuestPort("g" + guests.size(), 1, 1500, vlan));
        guests.add(guest);
        return guest;
    }

    @AfterEach
    void end() {
        guests.forEach(TestGuest::close);
        datapath.close();
    }

    private void run() {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private void send(final TestGuest from, final byte[] frame) {
        nanos.addAndGet(1_000_000);
        from.send(frame);
        run();
        from.reap();
    }

    private static TracedFrame last(final TestGuest guest) {
        return guest.port.tracedFrames().getLast();
    }

    private static long taken(final TestGuest guest) {
        return guest.port.tracedFrames().stream().filter(frame -> frame.event().isIn()).count();
    }

    private static void assertFrame(final CaptureEvent event, final DropReason reason, final byte[] frame,
                                    final TracedFrame traced) {
        assertEquals(event, traced.event());
        assertEquals(reason, traced.reason());
        assertEquals(frame.length, traced.length());
        assertArrayEquals(Arrays.copyOf(frame, Math.min(HEADER, frame.length)), traced.header());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void verdictsAppearAtTheSenderAndDeliveriesAtTheReceivers(final int workers) {
        start(workers, 4096);
        final TestGuest a = guest(1500);
        final TestGuest b = guest(1500);
        final TestGuest c = guest(1500);
        final byte[] flood = Frames.broadcast(2, 80);
        send(b, flood);
        assertFrame(CaptureEvent.FLOODED, null, flood, last(b));
        assertFrame(CaptureEvent.DELIVERED, null, flood, last(a));
        assertFrame(CaptureEvent.DELIVERED, null, flood, last(c));
        final byte[] unicast = Frames.ethernet(2, 1, 1200);
        send(a, unicast);
        assertFrame(CaptureEvent.FORWARDED, null, unicast, last(a));
        assertEquals(b.port.serial(), last(a).peer());
        assertFrame(CaptureEvent.DELIVERED, null, unicast, last(b));
        assertEquals(1, c.port.tracedFrames().size());
        assertTrue(last(a).nanos() > a.port.tracedFrames().getFirst().nanos());
        assertTrue(last(a).nanos() <= nanos.get());
        final byte[] cut = Frames.ethernet(2, 1, 60);
        nanos.addAndGet(1_000_000);
        a.sendSplit(cut, TestGuest.HEADER + 3, TestGuest.HEADER + 20);
        run();
        assertFrame(CaptureEvent.FORWARDED, null, cut, last(a));
    }

    @Test
    void dropsAppearWithTheirReasons() {
        start(1, 4096);
        final TestGuest a = guest(1500);
        final TestGuest b = guest(1000);
        send(a, Frames.broadcast(1, 60));
        send(b, Frames.broadcast(2, 60));
        final byte[] runt = Arrays.copyOf(Frames.ethernet(2, 1, 60), 13);
        send(a, runt);
        assertFrame(CaptureEvent.DROPPED_IN, DropReason.SHORT_FRAME, runt, last(a));
        final byte[] own = Frames.ethernet(1, 5, 60);
        send(a, own);
        assertFrame(CaptureEvent.DROPPED_IN, DropReason.SAME_PORT, own, last(a));
        a.transmit.getFirst().ring.add(0x7fff_0000_0000L, 100, false);
        a.transmit.getFirst().ring.publish();
        nanos.addAndGet(1_000_000);
        run();
        assertFrame(CaptureEvent.DROPPED_IN, DropReason.BAD_DESCRIPTOR, new byte[0], last(a));
        a.reap();
        final byte[] giant = Frames.ethernet(2, 1, 1100);
        send(a, giant);
        assertFrame(CaptureEvent.FORWARDED, null, giant, last(a));
        assertFrame(CaptureEvent.DROPPED_OUT, DropReason.MTU_EXCEEDED, giant, last(b));
        byte[] frame = giant;
        for (int i = 0; i < 300; i++) {
            frame = Frames.ethernet(2, 1, 100);
            send(a, frame);
        }
        assertFrame(CaptureEvent.DROPPED_OUT, DropReason.NO_BUFFER, frame, last(b));
        b.port.suspend(SuspendCause.OPERATOR);
        final byte[] flooded = Frames.broadcast(1, 90);
        send(a, flooded);
        b.port.resume(SuspendCause.OPERATOR);
        assertFrame(CaptureEvent.DROPPED_OUT, DropReason.PORT_SUSPENDED, flooded, last(b));
    }

    @Test
    void aFrameAppearsWithTheTagThatItHasAtThePort() {
        start(1, 4096);
        final TestGuest access = guest(PortVlan.access(10));
        final TestGuest trunk = guest(ReferenceBridge.Membership.trunk(20, 10).vlan());
        final byte[] frame = Frames.broadcast(1, 100);
        send(access, frame);
        assertFrame(CaptureEvent.FLOODED, null, frame, last(access));
        assertFrame(CaptureEvent.DELIVERED, null, Tags.insert(frame, 10), last(trunk));
        final byte[] foreign = Tags.insert(frame, 30);
        send(trunk, foreign);
        assertFrame(CaptureEvent.DROPPED_IN, DropReason.VLAN_NOT_ALLOWED, foreign, last(trunk));
    }

    @Test
    void fullBurstsAreRecordedInPartAndTheOthersAreCounted() {
        start(1, 4096);
        final TestGuest a = guest(1500);
        final TestGuest b = guest(1500);
        final TestGuest quiet = guest(1500);
        send(b, Frames.broadcast(2, 60));
        final int bursts = 20;
        for (int burst = 0; burst < bursts; burst++) {
            for (int i = 0; i < 64; i++) {
                a.send(Frames.ethernet(2, 1, 60));
            }
            run();
            a.reap();
            b.received();
            quiet.received();
        }
        final long recorded = taken(a);
        assertTrue(recorded > 0 && recorded < bursts * 64 / 4, recorded + " of " + bursts * 64 + " frames");
        quiet.send(Frames.broadcast(3, 70));
        run();
        assertEquals(CaptureEvent.FLOODED, last(quiet).event(), "a quiet port has a reserve");
        send(a, Frames.broadcast(1, 60));
        assertEquals(recorded + 1, taken(a));
        assertEquals(bursts * 64 - recorded, last(a).skipped());
    }

    @Test
    void ofAFullBurstThoseDroppedAreRecorded() {
        start(1, 4096);
        final TestGuest a = guest(1500);
        guest(1500);
        for (int burst = 0; burst < 10; burst++) {
            for (int i = 0; i < 64; i++) {
                a.send(Frames.ethernet(2, 1, 60));
            }
            run();
            a.reap();
            guests.get(1).received();
        }
        nanos.addAndGet(20_000); // enough for a few records only
        for (int i = 0; i < 64; i++) {
            a.send(i == 60 ? new byte[5] : Frames.ethernet(2, 1, 60));
        }
        run();
        assertTrue(a.port.tracedFrames().stream().anyMatch(frame -> frame.reason() == DropReason.SHORT_FRAME));
    }

    @Test
    void onlyTheLastFramesAreKeptAlsoAfterTheSession() {
        start(1, 64);
        final TestGuest a = guest(1500);
        guest(1500);
        for (int i = 0; i < 200; i++) {
            send(a, Frames.broadcast(1, 100 + i));
            guests.get(1).received();
        }
        a.port.detach();
        final List<TracedFrame> frames = a.port.tracedFrames();
        assertEquals(64, frames.size());
        for (int i = 0; i < 64; i++) {
            assertEquals(100 + 200 - 64 + i, frames.get(i).length());
            assertNull(frames.get(i).reason());
        }
    }

    @Test
    void nothingIsRecordedIfOff() {
        start(1, 0);
        final TestGuest a = guest(1500);
        final TestGuest b = guest(1500);
        send(a, Frames.broadcast(1, 100));
        assertEquals(1, b.received().size());
        assertFalse(a.port.tracesFrames());
        assertEquals(List.of(), a.port.tracedFrames());
    }

    @Test
    void aRemovedPortHasNoTrace() {
        start(2, 4096);
        final TestGuest a = guest(1500);
        final TestGuest b = guest(1500);
        send(b, Frames.broadcast(2, 100));
        a.send(Frames.ethernet(2, 1, 60));
        datapath.step();
        datapath.remove(b.port);
        send(a, Frames.ethernet(2, 1, 60));
        assertEquals(List.of(), b.port.tracedFrames());
        assertFalse(a.port.tracedFrames().isEmpty());
    }

    @Test
    void aReaderSeesWholeEntriesOnly() throws Exception {
        perReading = 10_000_000; // the worker may record every frame
        start(1, 64);
        final TestGuest a = guest(1500);
        final TestGuest b = guest(1500);
        final AtomicBoolean over = new AtomicBoolean();
        final AtomicReference<Throwable> failure = new AtomicReference<>();
        final AtomicLong seen = new AtomicLong();
        final Thread reader = Thread.ofPlatform().start(() -> {
            try {
                while (!over.get()) {
                    for (final TracedFrame frame : a.port.tracedFrames()) {
                        final byte[] expected = new byte[HEADER];
                        Arrays.fill(expected, (byte) (frame.length() - 100));
                        assertArrayEquals(expected, frame.header());
                        seen.incrementAndGet();
                    }
                }
            } catch (final AssertionError e) {
                failure.set(e);
            }
        });
        for (int i = 0; i < 20_000 || seen.get() < 20_000 && failure.get() == null; i++) {
            final byte[] frame = new byte[100 + 2 * (i % 100)];
            Arrays.fill(frame, (byte) (2 * (i % 100)));
            final long mark = a.mark();
            a.send(frame);
            run();
            a.reap();
            a.release(mark);
            b.received();
        }
        over.set(true);
        reader.join();
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
    }
}
