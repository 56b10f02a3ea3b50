package io.ringbridge.datapath;

import io.ringbridge.datapath.packet.FrameKinds;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.QueueCounters;
import io.ringbridge.datapath.port.QueueReading;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Counters have to equal what the guests of a stepped datapath sent and received. */
class FrameCountersTest {
    private static final int[] LENGTHS = {60, 64, 65, 127, 128, 255, 256, 511, 512, 1023, 1024, 1514, 1518, 1519, 3000};
    private static final int GUESTS = 3;

    private Datapath datapath;
    private final List<TestGuest> guests = new ArrayList<>();
    private final List<Expected> sent = new ArrayList<>();
    private final List<Expected> received = new ArrayList<>();

    /** The expected counters of one direction of a port. */
    private static final class Expected {
        private final long[] lengths = new long[FrameKinds.LENGTHS];
        private long bytes;
        private long unicasts;
        private long multicasts;
        private long broadcasts;

        void add(final byte[] frame) {
            final int[] longest = {64, 127, 255, 511, 1023, 1518, Integer.MAX_VALUE};
            int each = 0;
            while (frame.length > longest[each]) {
                each++;
            }
            lengths[each]++;
            bytes += frame.length;
            final boolean broadcast = frame[0] == -1;
            broadcasts += broadcast ? 1 : 0;
            multicasts += frame[0] == 1 ? 1 : 0;
            unicasts += frame[0] == 0x52 ? 1 : 0;
        }

        void assertCounted(final QueueCounters counters) {
            assertArrayEquals(lengths, counters.lengths());
            assertEquals(bytes, counters.ownBytes());
            assertEquals(unicasts, counters.unicasts(), "unicasts");
            assertEquals(multicasts, counters.multicasts(), "multicasts");
            assertEquals(broadcasts, counters.broadcasts(), "broadcasts");
        }
    }

    private void start(final int workers, final long layout, final boolean vlans, final int bufferLength) {
        datapath = Datapath.stepped(new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024,
            Duration.ofMinutes(5)), System::nanoTime);
        for (int i = 0; i < GUESTS; i++) {
            guests.add(new TestGuest(datapath.addGuestPort("g" + i, 1, 9000, vlans ? PortVlan.access(7) : null),
                TestGuest.FEATURES | layout, 256, bufferLength).start());
            sent.add(new Expected());
            received.add(new Expected());
        }
    }

    @AfterEach
    void close() {
        guests.forEach(TestGuest::close);
        datapath.close();
    }

    private void run() {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private QueueCounters counters(final int guest, final boolean in) {
        return guests.get(guest).port.readings().stream().filter(reading -> reading.in() == in)
            .map(QueueReading::counters).findFirst().orElseThrow();
    }

    /** Buffers of 512 bytes make the switch merge several for one frame. */
    @ParameterizedTest
    @CsvSource({"1,false,false,4096", "1,true,false,4096", "1,false,true,4096", "1,false,false,512",
        "1,true,true,512", "2,false,false,4096", "2,true,true,4096", "2,false,false,512"})
    void lengthsAndDestinationsEqualWhatGuestsSentAndReceived(final int workers, final boolean packed,
                                                              final boolean vlans, final int bufferLength) {
        start(workers, packed ? Features.of(Features.RING_PACKED) : 0, vlans, bufferLength);
        final SplittableRandom random = new SplittableRandom(workers);
        for (int round = 0; round < 200; round++) {
            final int from = random.nextInt(GUESTS);
            final TestGuest guest = guests.get(from);
            final long mark = guest.mark();
            final int count = random.nextInt(1, 20);
            for (int i = 0; i < count; i++) {
                final byte[] frame = frame(from, random);
                guest.sendSplit(frame, random.nextInt(4) == 0 ? new int[] {15, 20} : new int[0]);
                sent.get(from).add(frame);
            }
            run();
            assertEquals(count, guest.reap());
            guest.release(mark);
            for (int i = 0; i < GUESTS; i++) {
                guests.get(i).received().forEach(received.get(i)::add);
            }
        }
        for (int i = 0; i < GUESTS; i++) {
            sent.get(i).assertCounted(counters(i, true));
            received.get(i).assertCounted(counters(i, false));
            assertTrue(counters(i, true).drops().isEmpty() && counters(i, false).drops().isEmpty());
        }
    }

    private static byte[] frame(final int from, final SplittableRandom random) {
        final int length = LENGTHS[random.nextInt(LENGTHS.length)];
        final int station = 10 + from;
        return switch (random.nextInt(4)) {
            case 0 -> Frames.broadcast(station, length);
            case 1 -> Frames.ethernet(Frames.MULTICAST, station, length);
            case 2 -> Frames.ethernet(10 + (from + 1) % GUESTS, station, length);
            default -> Frames.ethernet(99, station, length); // unknown, and so flooded
        };
    }

    @Test
    void framesWithoutABufferAreNotCountedAsMoved() {
        start(1, 0, false, 2048);
        for (int i = 0; i < 200; i++) {
            guests.getFirst().send(Frames.broadcast(1, 64));
        }
        run();
        guests.getFirst().reap();
        for (int i = 0; i < 200; i++) {
            guests.getFirst().send(Frames.broadcast(1, 64));
        }
        run();
        assertEquals(400, counters(0, true).broadcasts());
        assertEquals(256, counters(1, false).broadcasts(), "as many as there were buffers");
        assertEquals(256, counters(1, false).lengths()[0]);
        assertEquals(144, counters(1, false).drops().values().stream().mapToLong(Long::longValue).sum());
    }

    @Test
    void notificationsAreCountedAsSentOrSuppressed() {
        start(1, 0, false, 2048);
        final TestGuest receiver = guests.get(1);
        final long before = counters(1, false).calls() + counters(1, false).suppressedCalls();
        for (int i = 0; i < 10; i++) {
            guests.getFirst().send(Frames.broadcast(1, 64));
            run();
        }
        final QueueCounters counters = counters(1, false);
        assertEquals(10, counters.calls() + counters.suppressedCalls() - before);
        assertEquals(10, receiver.received().size());
    }
}
