package io.ringbridge.datapath;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.MemoryRegion;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.Holes;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.datapath.worker.WorkerListener;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.NumberedFrames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Guests lose their memory under traffic again and again, on workers with threads. The workers continue, and other
 * guests lose none of the frames that they send each other, unicast or flooded.
 */
@Timeout(60)
class LostMemoryTest {
    private static final int ROUNDS = Integer.getInteger("ringbridge.test.rounds", 3);
    private static final int WINDOW = 48;
    private static final int BETWEEN = 1000;
    /** The frames after which the test stops waiting for a guest to fail. That guest extended its file in time. */
    private static final int PATIENCE = 10_000;

    private final Queue<String> heard = new ConcurrentLinkedQueue<>();
    private final WorkerListener listener = new WorkerListener() {
        @Override
        public void failed(final String worker, final Throwable why) {
            heard.add(worker + " failed: " + why);
        }

        @Override
        public void unexplained(final String worker, final String what) {
            // allowed if a file was extended again
        }

        @Override
        public void ended(final String worker, final Throwable why) {
            heard.add(worker + " ended: " + why);
        }
    };

    /** A sender of numbered frames, and the number of frames that have arrived. */
    private static final class Numbered {
        final NumberedFrames frames;
        final int station;
        long sent;
        long arrived;

        Numbered(final TestGuest guest, final int station, final int destination) {
            frames = new NumberedFrames(guest.transmitter(), destination, station);
            this.station = station;
        }

        void send() {
            while (sent - arrived < WINDOW && frames.send(sent)) {
                sent++;
            }
        }
    }

    /** The guests that keep their memory: a unicast sender, a sender of flooded frames, and their receiver. */
    private final class Bystanders implements AutoCloseable {
        final TestGuest sink;
        final TestGuest sender;
        final TestGuest receiver;
        final TestGuest flooder;
        final List<Numbered> streams;

        Bystanders(final Datapath datapath, final Rings rings) {
            sink = TestGuest.up(datapath.addGuestPort("sink", 1, 1500), rings);
            sender = TestGuest.up(datapath.addGuestPort("sender", 1, 1500), rings);
            receiver = TestGuest.up(datapath.addGuestPort("receiver", 1, 1500), rings);
            flooder = TestGuest.up(datapath.addGuestPort("flooder", 1, 1500), rings);
            streams = List.of(new Numbered(sender, 1, 2), new Numbered(flooder, 5, 77));
            introduce(receiver, 2);
            introduce(sink, 3);
        }

        private void introduce(final TestGuest guest, final int station) {
            guest.send(Frames.broadcast(station, 60));
            guest.transmit.get(0).kick.signal();
            while (guest.reap() == 0) {
                LockSupport.parkNanos(1);
            }
        }

        /** Exchanges a number of frames, and checks that none is missing. */
        void exchange(final long frames) {
            final List<Long> until = streams.stream().map(each -> each.arrived + frames).toList();
            while (streams.get(0).arrived < until.get(0) || streams.get(1).arrived < until.get(1)) {
                assertEquals(List.of(), List.copyOf(heard));
                for (final TestGuest each : List.of(sink, sender, receiver, flooder)) {
                    assertNull(each.port.failure(), each.port.name());
                }
                streams.forEach(Numbered::send);
                drain();
                sink.received();
                sender.received();
                flooder.received();
                LockSupport.parkNanos(1); // more threads than processors
            }
        }

        private void drain() {
            receiver.receive.getFirst().drain(frame -> {
                final int station = NumberedFrames.source(frame);
                final long number = NumberedFrames.number(frame);
                streams.stream().filter(each -> each.station == station).forEach(each ->
                    assertEquals(each.arrived++, number, "the next frame from station " + station));
            });
        }

        @Override
        public void close() {
            flooder.close();
            receiver.close();
            sender.close();
            sink.close();
        }
    }

    static Stream<Arguments> runs() {
        final List<Arguments> runs = new ArrayList<>();
        for (final Loss loss : Loss.values()) {
            for (final PollMode poll : PollMode.values()) {
                for (int workers = 1; workers <= 2; workers++) {
                    runs.add(Arguments.of(loss, Rings.SPLIT, poll, workers));
                    if (loss != Loss.TABLE_IN_HOLE) {
                        runs.add(Arguments.of(loss, Rings.PACKED, poll, workers));
                    }
                }
            }
        }
        return runs.stream();
    }

    /** The ways in which a guest loses memory. */
    enum Loss {
        /** Truncates the file. */
        CUT,
        /** Truncates the file and extends it at once, so that the worker finds nothing missing. */
        EXTENDED,
        /** Sends from a hole in a file on a full file system. */
        SENT_FROM_HOLE,
        /** Receives into a hole in a file on a full file system. */
        RECEIVED_INTO_HOLE,
        /** Sends from a huge page while the system has no free huge pages. */
        SENT_FROM_HUGE_PAGE,
        /** Receives into a huge page while the system has no free huge pages. */
        RECEIVED_INTO_HUGE_PAGE,
        /** Sends a chain whose indirect table is in a hole. */
        TABLE_IN_HOLE
    }

    private static final long HOLE = 0x8_0000_0000L;

    private static void inflict(final Loss loss, final int round, final TestGuest guest) {
        final TestGuest.Queue transmit = guest.transmit.get(0);
        final TestGuest.Queue receive = guest.receive.get(0);
        switch (loss) {
            case CUT, EXTENDED -> {
                guest.ram.file().resize(round % 3 == 0 ? 4096 : 0);
                if (loss == Loss.EXTENDED) {
                    guest.ram.file().resize(TestGuest.MEMORY);
                }
            }
            case SENT_FROM_HOLE, SENT_FROM_HUGE_PAGE -> transmit.ring.add(HOLE + round * 8192L, 1000, false);
            case RECEIVED_INTO_HOLE, RECEIVED_INTO_HUGE_PAGE -> {
                while (receive.ring.poll() >= 0) {
                    receive.ring.add(HOLE + round * 8192L, 2048, true);
                }
                receive.ring.publish();
            }
            default -> {
                final int id = transmit.ring.add(HOLE + round * 8192L, 32, false);
                Memory.putShort(transmit.ring.addresses().descriptors() + 16L * id + 12, (short) 4);
            }
        }
        transmit.ring.publish();
        transmit.kick.signal();
    }

    @ParameterizedTest
    @MethodSource("runs")
    void aGuestThatLosesItsMemoryCostsNobodyAFrame(final Loss loss, final Rings rings, final PollMode poll,
                                                final int workers) throws Exception {
        final SplittableRandom random = new SplittableRandom(workers + rings.ordinal());
        try (Holes holes = loss == Loss.SENT_FROM_HUGE_PAGE || loss == Loss.RECEIVED_INTO_HUGE_PAGE
                ? Holes.ofHugePages() : Holes.onAFullFileSystem();
             Datapath datapath = Datapath.prepare(
                 new DatapathOptions(workers, List.of(), poll, 1024, Duration.ofMinutes(5)))) {
            datapath.run(listener);
            try (Bystanders others = new Bystanders(datapath, rings)) {
                final GuestPort port = datapath.addGuestPort("guest", 1, 1500);
                int failed = 0;
                for (int round = 0; round < ROUNDS; round++) {
                    try (MemoryRegion hole = MemoryRegion.map(HOLE, Holes.SIZE, HOLE, 0, Fd.duplicate(holes.fd()));
                         TestGuest guest = new TestGuest(port, rings.features, 256, 2048)) {
                        guest.memory = GuestMemory.of(List.of(guest.memory.regions().getFirst(), hole));
                        guest.start();
                        others.exchange(BETWEEN);
                        for (int i = 0; i < 64; i++) {
                            guest.send(Frames.ethernet(round % 2 == 0 ? 3 : 78, 4, 1000));
                        }
                        guest.transmit.get(0).kick.signal();
                        others.exchange(random.nextInt(3));
                        inflict(loss, round, guest);
                        for (int i = 0; port.failure() == null && i < PATIENCE / BETWEEN; i++) {
                            others.exchange(BETWEEN);
                        }
                        failed += port.failure() == null ? 0 : 1;
                        others.exchange(BETWEEN);
                    }
                }
                assertTrue(loss == Loss.EXTENDED || failed == ROUNDS, failed + " of " + ROUNDS + " guests failed");
            }
        }
        assertEquals(List.of(), List.copyOf(heard));
    }
}
