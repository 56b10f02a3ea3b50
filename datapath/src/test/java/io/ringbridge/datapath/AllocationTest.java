package io.ringbridge.datapath;

import com.sun.management.ThreadMXBean;
import io.ringbridge.datapath.ReferenceBridge.Membership;
import io.ringbridge.datapath.driver.DirectGuest;
import io.ringbridge.datapath.driver.DriverDevice;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.PortCapture;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Workers allocate nothing per frame, logged or not. Covers unicast, floods, segments and drops, and queues of one
 * worker or several.
 */
class AllocationTest {
    private static final int FRAMES = 1_000_000;
    private static final int BATCH = 64;
    /**
     * Rounds until a million frames allocate nothing. Code that is not compiled yet allocates, and the compiler needs
     * many rounds on a busy machine.
     */
    private static final int ROUNDS = 50;

    @ParameterizedTest
    @CsvSource({"1, SPLIT, false", "1, PACKED, false", "1, SPLIT_IN_ORDER, false", "3, SPLIT, false",
        "3, PACKED_IN_ORDER, false", "1, SPLIT, true", "1, PACKED, true"})
    void millionFramesAllocateNothing(final int workers, final Rings rings, final boolean logged) {
        final DatapathOptions options =
            new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5));
        try (Datapath datapath = Datapath.stepped(options, System::nanoTime);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500), rings);
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500), rings);
             TestGuest c = TestGuest.up(datapath.addGuestPort("c", 1, 1500), rings)) {
            final List<GuestLog> logs =
                logged ? Stream.of(a, b, c).map(guest -> new GuestLog(guest).begin()).toList() : List.of();
            b.send(Frames.broadcast(2, 60));
            datapath.step();
            final long[] buffers = {
                frame(a, Frames.ethernet(2, 1, 64)), frame(a, Frames.ethernet(2, 1, 1000)),
                frame(a, Frames.ethernet(99, 1, 64)),
                frame(a, Frames.broadcast(1, 64)), frame(a, Frames.ethernet(1, 5, 64))};
            final int[] lengths = {64, 1000, 64, 64, 64};
            assertAllocatesNothing(datapath, a, List.of(b, c), buffers, lengths);
            for (final GuestLog log : logs) {
                assertFalse(log.marked().isEmpty());
            }
            Stream.of(a, b, c).forEach(guest -> guest.port.detach());
            logs.forEach(GuestLog::close);
        }
    }

    @Test
    void millionFramesWithOffloadsAllocateNothing() {
        try (Datapath datapath = Datapath.stepped(DatapathOptions.DEFAULT, System::nanoTime);
             TestGuest a = new TestGuest(datapath.addGuestPort("a", 1, 1500), Offloads.SENDER, 256, 2048).start();
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500));
             TestGuest c = new TestGuest(datapath.addGuestPort("c", 1, 1500),
                 TestGuest.FEATURES | Offloads.TAKES_ALL, 256, 2048)
                 .start()) {
            b.send(Frames.broadcast(2, 60));
            datapath.step();
            final SplittableRandom random = new SplittableRandom(7);
            final byte[] addresses = Arrays.copyOf(Frames.ethernet(2, 1, 14), 12);
            final long[] buffers = new long[5];
            final int[] lengths = new int[buffers.length];
            for (int i = 0; i < buffers.length; i++) {
                addresses[5] = (byte) (i == 3 ? 99 : 2);
                final Packet packet =
                    Packet.random(random, i % 2 == 1, i == 4 ? Packet.UDP : Packet.TCP, addresses, 1500);
                final int type =
                    new int[] {0, Offloads.TCPV6, Offloads.TCPV4, Offloads.TCPV6, Offloads.UDP}[i];
                buffers[i] = frame(a, packet.frame);
                Memory.copy(Offloads.header(packet, type, i == 0 ? 0 : 1000), 0, buffers[i], TestGuest.HEADER);
                lengths[i] = packet.frame.length;
            }
            assertAllocatesNothing(datapath, a, List.of(b, c), buffers, lengths);
            assertTrue(b.port.statistics().outFrames() > FRAMES, "segments arrive");
            assertTrue(c.port.statistics().outFrames() > FRAMES / 10, "floods arrive");
        }
    }

    @ParameterizedTest
    @CsvSource({"1, SPLIT", "2, PACKED"})
    void millionFramesWithMirrorsAllocateNothing(final int workers, final Rings rings) {
        final DatapathOptions options =
            new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5));
        try (Datapath datapath = Datapath.stepped(options, System::nanoTime);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500), rings);
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500), rings);
             TestGuest c = TestGuest.up(datapath.addGuestPort("c", 1, 1500), rings);
             TestGuest d = TestGuest.up(datapath.addGuestPort("d", 1, 1500), rings)) {
            b.send(Frames.broadcast(2, 60));
            datapath.step();
            datapath.mirror("in", a.port, true, false, c.port);
            datapath.mirror("out", b.port, false, true, d.port);
            final byte[][] frames = {Frames.ethernet(2, 1, 64), Frames.broadcast(1, 64), Frames.ethernet(1, 1, 64)};
            final long[] buffers = new long[frames.length];
            final int[] lengths = new int[frames.length];
            for (int i = 0; i < frames.length; i++) {
                buffers[i] = frame(a, frames[i]);
                lengths[i] = frames[i].length;
            }
            assertAllocatesNothing(datapath, a, List.of(b, c, d), buffers, lengths);
            assertTrue(c.port.statistics().outFrames() > FRAMES / 10, "copies arrive");
            Stream.of(a, b, c, d).forEach(guest -> guest.port.detach());
        }
    }

    @ParameterizedTest
    @CsvSource({"1, SPLIT", "1, PACKED", "2, SPLIT"})
    void millionFramesInVlansAllocateNothing(final int workers, final Rings rings) {
        final DatapathOptions options =
            new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5));
        try (Datapath datapath = Datapath.stepped(options, System::nanoTime);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500, Membership.trunk(10, 20).vlan()), rings);
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500, PortVlan.access(10)), rings);
             TestGuest c = TestGuest.up(datapath.addGuestPort("c", 1, 1500, Membership.trunk(20, 10).vlan()), rings)) {
            b.send(Frames.broadcast(2, 60));
            datapath.step();
            final byte[][] frames = {Frames.ethernet(2, 1, 64), Tags.insert(Frames.ethernet(2, 1, 1000), 10),
                Tags.insert(Frames.broadcast(1, 64), 20), Tags.insert(Frames.ethernet(99, 1, 64), 0x7000),
                Tags.insert(Frames.ethernet(2, 1, 64), 30)};
            final long[] buffers = new long[frames.length];
            final int[] lengths = new int[frames.length];
            for (int i = 0; i < frames.length; i++) {
                buffers[i] = frame(a, frames[i]);
                lengths[i] = frames[i].length;
            }
            assertAllocatesNothing(datapath, a, List.of(b, c), buffers, lengths);
            assertTrue(b.port.statistics().outFrames() > FRAMES / 3, "frames arrive without a tag");
            assertTrue(c.port.statistics().outFrames() > FRAMES / 3, "floods arrive");
            Stream.of(a, b, c).forEach(guest -> guest.port.detach());
        }
    }

    /** A port is the back-end of an uplink of the same switch. VLANs keep the two sides apart. */
    @ParameterizedTest
    @EnumSource(Rings.class)
    void millionFramesThroughBackEndsAllocateNothing(final Rings rings) {
        try (Datapath datapath = Datapath.stepped(DatapathOptions.DEFAULT, System::nanoTime);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500, PortVlan.access(10)), rings);
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500, PortVlan.access(20)), rings);
             DirectGuest pair = new DirectGuest(datapath.addGuestPort("in", 1, 1500, PortVlan.access(20)),
                 rings.features, 256, 2048)) {
            final UplinkPort out = datapath.addUplinkPort("out", 1, 1500, PortVlan.access(10));
            out.attach(List.of(new DriverDevice(pair.queues(), rings.features)), true);
            b.send(Frames.broadcast(2, 60));
            while (datapath.step() > 0) {
                Thread.onSpinWait();
            }
            assertEquals(1, a.received().size());
            final long[] buffers = {frame(a, Frames.ethernet(2, 1, 64)), frame(a, Frames.ethernet(2, 1, 1000)),
                frame(a, Frames.broadcast(1, 64)), frame(a, Frames.ethernet(99, 1, 64))};
            assertAllocatesNothing(datapath, a, List.of(b), buffers, new int[] {64, 1000, 64, 64});
            assertTrue(b.port.statistics().outFrames() > FRAMES / 10 * 9, "frames arrive");
            out.detach();
        }
    }

    /** The captures are read after each batch, so that they have room for the next. */
    @ParameterizedTest
    @EnumSource(Rings.class)
    void millionCapturedFramesAllocateNothing(final Rings rings) {
        try (Datapath datapath = Datapath.stepped(DatapathOptions.DEFAULT, System::nanoTime);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500), rings);
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500), rings)) {
            b.send(Frames.broadcast(2, 60));
            datapath.step();
            final List<PortCapture> captures = Stream.of(a, b)
                .map(guest -> datapath.capture(guest.port, true, true, PortCapture.MAX_SNAP_LENGTH)).toList();
            final long[] buffers = {frame(a, Frames.ethernet(2, 1, 64)), frame(a, Frames.ethernet(2, 1, 1000)),
                frame(a, Frames.broadcast(1, 64)), frame(a, Frames.ethernet(1, 5, 64))};
            assertAllocatesNothing(datapath, a, List.of(b), buffers, new int[] {64, 1000, 64, 64},
                () -> captures.forEach(capture -> capture.read(_ -> true)));
            captures.forEach(capture -> {
                assertEquals(0, capture.lost());
                datapath.end(capture);
            });
        }
    }

    private static void assertAllocatesNothing(final Datapath datapath, final TestGuest sender,
                                               final List<TestGuest> receivers, final long[] buffers,
                                               final int[] lengths) {
        assertAllocatesNothing(datapath, sender, receivers, buffers, lengths, () -> { });
    }

    private static void assertAllocatesNothing(final Datapath datapath, final TestGuest sender,
                                               final List<TestGuest> receivers, final long[] buffers,
                                               final int[] lengths, final Runnable afterBatch) {
        long least = Long.MAX_VALUE;
        for (int round = 0; round < ROUNDS && least > 0; round++) {
            least = Math.min(least, allocatedByMillion(datapath, sender, receivers, buffers, lengths,
                afterBatch));
        }
        assertEquals(0, least, "bytes for " + FRAMES + " frames");
    }

    private static long allocatedByMillion(final Datapath datapath, final TestGuest sender,
                                           final List<TestGuest> receivers, final long[] buffers, final int[] lengths,
                                           final Runnable afterBatch) {
        final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        final DriverRing ring = sender.transmit.get(0).ring;
        long allocated = 0;
        for (int sent = 0; sent < FRAMES; sent += BATCH) {
            for (int i = 0; i < BATCH; i++) {
                final int kind = i % buffers.length;
                ring.add(sender.guest(buffers[kind]), i == 7 ? 5 : TestGuest.HEADER + lengths[kind], i == 8);
            }
            ring.publish();
            final long before = threads.getCurrentThreadAllocatedBytes();
            while (datapath.step() > 0) {
                Thread.onSpinWait();
            }
            allocated += threads.getCurrentThreadAllocatedBytes() - before;
            assertEquals(BATCH, sender.reap());
            receivers.forEach(receiver -> receiver.receive.getFirst().drain(_ -> { }));
            afterBatch.run();
        }
        return allocated;
    }

    private static long frame(final TestGuest guest, final byte[] bytes) {
        final long buffer = guest.allocate(TestGuest.HEADER + bytes.length, 64);
        Memory.copy(bytes, 0, buffer + TestGuest.HEADER, bytes.length);
        return buffer;
    }
}
