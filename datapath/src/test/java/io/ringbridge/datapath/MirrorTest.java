package io.ringbridge.datapath;

import io.ringbridge.datapath.ReferenceBridge.Membership;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Mirror;
import io.ringbridge.datapath.port.Mirrors;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortCapture;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.NumberedFrames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Mirrors of ports and VLANs: which frames are copied, in which form, what is lost, and what it costs others. */
@Timeout(60)
class MirrorTest {
    private static final int MTU = 1500;
    private static final int BURST = 64;

    private final List<TestGuest> guests = new ArrayList<>();
    private final List<Wire> wires = new ArrayList<>();
    private Datapath datapath;

    private void start(final int workers) {
        datapath = Datapath.stepped(options(workers), new Wire.Clock()::nanos);
    }

    private static DatapathOptions options(final int workers) {
        return new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024, Duration.ofHours(1));
    }

    @AfterEach
    void close() {
        if (datapath != null) {
            datapath.ports().forEach(datapath::remove);
            guests.forEach(TestGuest::close);
            wires.forEach(Wire::close);
            datapath.close();
        }
    }

    private TestGuest guest(final PortVlan vlan, final Rings rings) {
        final TestGuest guest = TestGuest.up(datapath.addGuestPort("g" + guests.size(), 1, MTU, vlan), rings);
        guests.add(guest);
        return guest;
    }

    private TestGuest guest() {
        return guest(null, Rings.SPLIT);
    }

    private UplinkPort uplink() {
        final UplinkPort port = datapath.addUplinkPort("u" + wires.size(), 1, MTU);
        wires.add(new Wire());
        port.attach(List.of(wires.getLast()), true);
        return port;
    }

    private void run() {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private byte[] send(final TestGuest from, final byte[] frame) {
        final long mark = from.mark();
        from.send(frame);
        run();
        assertEquals(1, from.reap(), "the buffer comes back");
        from.release(mark);
        return frame;
    }

    private static void assertFrames(final List<byte[]> expected, final List<byte[]> actual) {
        assertEquals(expected.size(), actual.size());
        for (int i = 0; i < expected.size(); i++) {
            assertArrayEquals(expected.get(i), actual.get(i), "frame " + i);
        }
    }

    private static Map<DropReason, Long> drops(final Port port) {
        return port.statistics().drops();
    }

    @ParameterizedTest
    @CsvSource({"1, SPLIT", "1, PACKED", "1, SPLIT_IN_ORDER", "2, SPLIT", "2, PACKED", "3, PACKED_IN_ORDER"})
    void aMirrorCopiesWhatEntersAndWhatLeaves(final int workers, final Rings rings) {
        start(workers);
        final TestGuest a = guest(null, rings);
        final TestGuest b = guest(null, rings);
        final TestGuest in = guest(null, rings);
        final TestGuest out = guest(null, rings);
        final TestGuest both = guest(null, rings);
        send(a, Frames.broadcast(1, 60));
        send(b, Frames.broadcast(2, 60));
        guests.forEach(TestGuest::received);
        final Mirror entering = datapath.mirror("m", a.port, true, false, in.port);
        final Mirror leaving = datapath.mirror("m", a.port, false, true, out.port);
        final Mirror all = datapath.mirror("m", a.port, true, true, both.port);
        final byte[] to = send(a, Frames.ethernet(2, 1, 1000));
        final byte[] flood = send(a, Frames.broadcast(1, 61));
        final byte[] back = send(b, Frames.ethernet(1, 2, 62));
        final byte[] hello = send(b, Frames.broadcast(2, 63));
        send(b, Frames.ethernet(2, 2, 64)); // dropped, and not for port a
        final byte[] own = send(a, Frames.ethernet(1, 1, 65)); // dropped by the bridge
        assertFrames(List.of(to, flood, own), in.received());
        assertFrames(List.of(back, hello), out.received());
        assertFrames(List.of(to, flood, back, hello, own), both.received());
        assertFrames(List.of(back, hello), a.received());
        assertFrames(List.of(to, flood), b.received());
        assertEquals(List.of(3L, 1126L), List.of(entering.statistics().outFrames(), entering.statistics().outBytes()));
        assertEquals(List.of(2L, 5L), List.of(leaving.statistics().outFrames(), all.statistics().outFrames()));
        assertEquals(Map.of(), all.statistics().drops());
        assertEquals(Map.of(DropReason.SAME_PORT, 1L), drops(a.port));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aMirrorOfAVlanCopiesEveryFrameOfItOnceAsItEntered(final int workers) {
        start(workers);
        final TestGuest trunk = guest(Membership.trunk(0, 10, 20).vlan(), Rings.SPLIT);
        final TestGuest ten = guest(PortVlan.access(10), Rings.PACKED);
        final TestGuest twenty = guest(PortVlan.access(20), Rings.SPLIT);
        final TestGuest plain = guest();
        final TestGuest monitor = guest();
        final Mirror mirror = datapath.mirrorVlan("m", 10, monitor.port);
        final byte[] tagged = send(trunk, Tags.insert(Frames.broadcast(1, 60), 10));
        final byte[] untagged = send(ten, Frames.broadcast(2, 61));
        final byte[] unicast = send(ten, Frames.ethernet(1, 2, 62));
        send(trunk, Tags.insert(Frames.broadcast(1, 63), 20));
        send(trunk, Frames.broadcast(1, 64)); // in no VLAN: dropped
        send(twenty, Frames.broadcast(3, 65));
        send(plain, Tags.insert(Frames.broadcast(4, 66), 10)); // a tag is payload there
        assertFrames(List.of(tagged, untagged, unicast), monitor.received());
        assertEquals(3, mirror.statistics().outFrames());
    }

    @ParameterizedTest
    @CsvSource({"1, SPLIT", "2, PACKED"})
    void theDestinationIsReservedUntilItsLastMirrorEnds(final int workers, final Rings rings) {
        start(workers);
        final TestGuest a = guest(null, rings);
        final TestGuest b = guest(null, rings);
        final TestGuest monitor = guest(null, rings);
        final byte[] hello = send(monitor, Frames.broadcast(3, 60));
        assertFrames(List.of(hello), b.received());
        datapath.table().addStatic(ForwardingTable.key(MacAddress.parse("52:54:00:00:00:07"), 0), monitor.port.index());
        final Mirror first = datapath.mirror("m", a.port, true, false, monitor.port);
        final Mirror second = datapath.mirrorVlan("m", 10, monitor.port);
        for (final Mirror ending : List.of(first, second)) {
            send(monitor, Frames.broadcast(3, 61));
            send(monitor, Tags.insert(Frames.broadcast(3, 61), 10));
            send(b, Frames.broadcast(2, 62));
            send(b, Frames.ethernet(3, 2, 63));
            send(b, Frames.ethernet(7, 2, 63));
            assertFrames(List.of(), monitor.received());
            datapath.end(ending);
        }
        assertEquals(Map.of(DropReason.MIRROR_DESTINATION, 4L), drops(monitor.port));
        final byte[] flood = send(b, Frames.broadcast(2, 64));
        final byte[] known = send(b, Frames.ethernet(7, 2, 65));
        assertFrames(List.of(flood, known), monitor.received());
        guests.forEach(TestGuest::received);
        assertFrames(List.of(send(monitor, Frames.ethernet(2, 3, 66))), b.received());
        assertEquals(0, a.received().size());
    }

    @Test
    void aReservedPortKeepsItsVlansForLater() {
        start(1);
        final TestGuest a = guest(PortVlan.access(10), Rings.SPLIT);
        final TestGuest monitor = guest();
        final Mirror mirror = datapath.mirror("m", a.port, true, true, monitor.port);
        datapath.changeVlan(monitor.port, PortVlan.access(10));
        final byte[] copied = send(a, Frames.broadcast(1, 60));
        assertFrames(List.of(copied), monitor.received());
        assertEquals(PortVlan.access(10), monitor.port.configuredVlan());
        datapath.end(mirror);
        assertFrames(List.of(send(monitor, Frames.ethernet(1, 2, 61))), a.received());
    }

    @ParameterizedTest
    @CsvSource({"1, false, false", "1, true, false", "2, false, true", "2, true, true"})
    void copiesKeepTheirOffloadsOrAreFinishedLikeOtherFrames(final int workers, final boolean packed,
                                                             final boolean merged) {
        start(workers);
        final long layout = packed ? Features.of(Features.RING_PACKED) : 0;
        final SplittableRandom random = new SplittableRandom(9);
        final TestGuest a = offloads(Offloads.SENDER | layout);
        final TestGuest b = offloads(TestGuest.FEATURES | layout | Offloads.TAKES_ALL);
        final TestGuest whole = offloads(TestGuest.FEATURES | layout | Offloads.TAKES_ALL);
        final TestGuest cut = offloads(TestGuest.FEATURES | layout);
        final UplinkPort wire = uplink();
        send(b, Frames.broadcast(2, 60));
        final List<Mirror> mirrors = List.of(datapath.mirror("m", a.port, true, false, whole.port),
            datapath.mirror("m", b.port, false, true, cut.port), datapath.mirror("m", a.port, true, true, wire));
        guests.forEach(TestGuest::received);
        wires.getFirst().written.clear();
        final byte[] addresses = Arrays.copyOf(Frames.ethernet(2, 1, 14), 12);
        for (int i = 0; i < 40; i++) {
            final Packet packet =
                Packet.random(random, i % 2 == 1, Packet.TCP, addresses, 400 + random.nextInt(20_000));
            final byte[] header = Offloads.header(packet, i % 2 == 1 ? Offloads.TCPV6 : Offloads.TCPV4, 1000);
            final long mark = a.mark();
            a.send(header, packet.frame, merged ? new int[] {20, 300} : new int[0]);
            run();
            assertEquals(1, a.reap());
            a.release(mark);
            for (final TestGuest taker : List.of(b, whole)) {
                final List<TestGuest.Received> got = taker.receivedWithHeaders();
                assertEquals(1, got.size());
                assertArrayEquals(Arrays.copyOf(header, 10), Arrays.copyOf(got.getFirst().header, 10));
                assertArrayEquals(packet.frame, got.getFirst().frame);
            }
            final List<byte[]> segments = packet.segments(1000, false);
            assertFrames(segments, cut.received());
            assertFrames(segments, wires.getFirst().written);
            wires.getFirst().written.clear();
        }
        mirrors.forEach(mirror -> {
            assertEquals(40, mirror.statistics().outFrames());
            assertEquals(Map.of(), mirror.statistics().drops());
        });
    }

    private TestGuest offloads(final long features) {
        final TestGuest guest = new TestGuest(datapath.addGuestPort("g" + guests.size(), 1, MTU), features, 512, 2048);
        guests.add(guest.start());
        return guest;
    }

    @Test
    void chainsWithoutAFrameAreNotCopied() {
        start(1);
        final TestGuest a = guest();
        final TestGuest monitor = guest();
        final Mirror mirror = datapath.mirror("m", a.port, true, false, monitor.port);
        send(a, new byte[9]);
        final byte[] frame = send(a, Frames.broadcast(1, 60));
        assertFrames(List.of(frame), monitor.received());
        assertEquals(1, mirror.statistics().outFrames());
        assertEquals(Map.of(DropReason.SHORT_FRAME, 1L), drops(a.port));
    }

    /** With as many mirrors as there can be, full bursts lose no frame and no copy. */
    @ParameterizedTest
    @CsvSource({"1, SPLIT", "1, PACKED", "2, SPLIT"})
    void everyMirrorGetsACopyOfEachFrameOfABurst(final int workers, final Rings rings) {
        start(workers);
        final TestGuest a = guest(null, rings);
        final TestGuest b = guest(null, rings);
        send(b, Frames.broadcast(2, 60));
        final List<Mirror> mirrors = new ArrayList<>();
        for (int i = 0; i < Mirrors.MAX; i++) {
            mirrors.add(datapath.mirror("m", a.port, true, false, guest(null, rings).port));
        }
        final TestGuest late = guest();
        assertThrows(IllegalStateException.class, () -> datapath.mirror("m", a.port, true, false, late.port));
        for (int i = 0; i < 3 * BURST; i++) {
            a.send(Frames.ethernet(2, 1, 64));
        }
        run();
        assertEquals(3 * BURST, a.reap());
        assertEquals(3 * BURST, b.received().size());
        for (int i = 0; i < Mirrors.MAX; i++) {
            assertEquals(3 * BURST, guests.get(2 + i).received().size(), "mirror " + i);
            assertEquals(Map.of(), mirrors.get(i).statistics().drops());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aDestinationThatTakesNothingCostsOnlyItsCopies(final int workers) {
        start(workers);
        final TestGuest a = guest();
        final TestGuest b = guest();
        final TestGuest full = guest();
        send(b, Frames.broadcast(2, 60));
        a.received();
        full.received();
        final TestGuest absent =
            new TestGuest(datapath.addGuestPort("absent", 1, MTU), TestGuest.FEATURES, 256, 2048);
        guests.add(absent);
        final Mirror slow = datapath.mirror("m", a.port, true, true, full.port);
        final Mirror dead = datapath.mirror("m", a.port, true, true, absent.port);
        int sent = 0;
        for (int round = 0; round < 10; round++) {
            for (int i = 0; i < 100; i++) {
                a.send(Frames.ethernet(2, 1, 64));
                sent++;
            }
            run();
            assertEquals(100, a.reap());
            assertEquals(100, b.received().size());
        }
        assertEquals(Map.of(), drops(a.port));
        assertEquals(Map.of(), drops(b.port));
        assertEquals(sent, slow.statistics().outFrames() + slow.statistics().drops().get(DropReason.NO_BUFFER));
        assertEquals(256, slow.statistics().outFrames());
        assertEquals(Map.of(DropReason.NO_RECEIVER, (long) sent), dead.statistics().drops());
        full.port.suspend(SuspendCause.OPERATOR);
        final long before = slow.statistics().drops().values().stream().mapToLong(Long::longValue).sum();
        send(a, Frames.ethernet(2, 1, 64));
        assertEquals(before + 1, slow.statistics().drops().values().stream().mapToLong(Long::longValue).sum());
        full.port.resume(SuspendCause.OPERATOR);
    }

    @Test
    void copiesLongerThanTheMtuOfTheDestinationAreDropped() {
        start(1);
        final TestGuest a = guest();
        final TestGuest small = TestGuest.up(datapath.addGuestPort("small", 1, 500));
        guests.add(small);
        final Mirror mirror = datapath.mirror("m", a.port, true, false, small.port);
        send(a, Frames.broadcast(1, 600));
        assertEquals(Map.of(DropReason.MTU_EXCEEDED, 1L), mirror.statistics().drops());
        assertEquals(0, small.received().size());
    }

    @Test
    void capturesAndTracesOfEitherPortShowWhatTheyDidBefore() {
        start(1);
        final TestGuest a = guest();
        final TestGuest monitor = guest();
        datapath.mirror("m", a.port, true, true, monitor.port);
        final PortCapture atA = datapath.capture(a.port, true, true, 64);
        final PortCapture atMonitor = datapath.capture(monitor.port, true, true, 64);
        send(a, Frames.broadcast(1, 60));
        send(monitor, Frames.broadcast(2, 60));
        final List<String> seen = new ArrayList<>();
        atA.read(frame -> seen.add("a " + frame.event()));
        atMonitor.read(frame -> seen.add("monitor " + frame.event() + " " + frame.reason()));
        assertEquals(List.of("a FLOODED", "monitor DELIVERED null", "monitor DROPPED_IN MIRROR_DESTINATION"), seen);
        assertEquals(1, a.port.tracedFrames().size());
        assertEquals(2, monitor.port.tracedFrames().size());
        datapath.end(atA);
        datapath.end(atMonitor);
    }

    /** Mirrors come and go under traffic between two ports, whose frames all arrive in order. */
    @ParameterizedTest
    @CsvSource({"1, SPLIT", "2, SPLIT", "2, PACKED"})
    void mirrorsThatComeAndGoLoseNoFrame(final int workers, final Rings rings) {
        final AtomicReference<Throwable> error = new AtomicReference<>();
        try (Datapath running = Datapath.start(options(workers), error::set);
             TestGuest a = TestGuest.up(running.addGuestPort("a", 1, MTU), rings);
             TestGuest b = TestGuest.up(running.addGuestPort("b", 1, MTU), rings);
             TestGuest monitor = TestGuest.up(running.addGuestPort("monitor", 1, MTU), rings)) {
            b.send(Frames.broadcast(2, 60));
            b.transmit.getFirst().kick.signal();
            Await.until(() -> a.received().size() == 1 && monitor.received().size() == 1);
            final NumberedFrames numbered = new NumberedFrames(a.transmitter());
            Mirror mirror = null;
            long sent = 0;
            final long[] got = new long[2];
            long last = -1;
            for (int change = 0; change < 200 || got[0] < sent;) {
                if (change < 200) {
                    sent += sent - got[0] < BURST && numbered.send(sent) ? 1 : 0;
                    if (sent > 40L * change) {
                        if (mirror == null) {
                            mirror = running.mirror("m", a.port, true, false, monitor.port);
                        } else {
                            running.end(mirror);
                            last = Math.max(last, mirror.statistics().outFrames());
                            mirror = null;
                        }
                        change++;
                    }
                }
                b.receive.getFirst().drain(frame -> assertEquals(got[0]++, NumberedFrames.number(frame)));
                monitor.receive.getFirst().drain(_ -> got[1]++);
                a.receive.getFirst().drain(_ -> { });
                LockSupport.parkNanos(1); // more threads than processors
            }
            assertTrue(last > 0 && got[1] > 0);
            assertEquals(Map.of(), drops(a.port));
            assertEquals(Map.of(), drops(b.port));
        }
        assertNull(error.get());
    }

    /** The destination leaves while copies are on their way to it. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aDestinationMayGoUnderTraffic(final int workers) {
        final AtomicReference<Throwable> error = new AtomicReference<>();
        try (Datapath running = Datapath.start(options(workers), error::set);
             TestGuest a = TestGuest.up(running.addGuestPort("a", 1, MTU));
             TestGuest b = TestGuest.up(running.addGuestPort("b", 1, MTU))) {
            b.send(Frames.broadcast(2, 60));
            Await.until(() -> a.received().size() == 1);
            final NumberedFrames numbered = new NumberedFrames(a.transmitter());
            long sent = 0;
            final long[] got = new long[1];
            for (int round = 0; round < 30; round++) {
                try (TestGuest monitor = TestGuest.up(running.addGuestPort("m" + round, 1, MTU))) {
                    final Mirror mirror = running.mirror("m", a.port, true, false, monitor.port);
                    for (final long until = sent + 100; sent < until || got[0] < sent;) {
                        sent += sent < until && sent - got[0] < BURST && numbered.send(sent) ? 1 : 0;
                        b.receive.getFirst().drain(frame -> assertEquals(got[0]++, NumberedFrames.number(frame)));
                        if (sent == until - 50) {
                            monitor.port.detach();
                        }
                        LockSupport.parkNanos(1);
                    }
                    running.end(mirror);
                    running.remove(monitor.port);
                }
            }
            assertEquals(Map.of(), drops(b.port));
        }
        assertNull(error.get());
    }
}
