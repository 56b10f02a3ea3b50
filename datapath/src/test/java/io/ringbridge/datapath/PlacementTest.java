package io.ringbridge.datapath;

import io.ringbridge.datapath.port.QueueStatus;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.datapath.worker.WorkerStatus;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.NumberedFrames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Queues move between workers when ports come and go, and no frame is lost or reordered. */
class PlacementTest {
    private static final int FRAMES = 8_000;
    private static final int WINDOW = 64;

    private static DatapathOptions options(final int workers) {
        return new DatapathOptions(workers, List.of(), PollMode.ADAPTIVE, 1024, Duration.ofMinutes(5));
    }

    private static int spread(final Datapath datapath) {
        final var queues = datapath.workers().stream().mapToInt(WorkerStatus::queues).summaryStatistics();
        return queues.getMax() - queues.getMin();
    }

    private static int worker(final TestGuest guest) {
        return guest.port.queues().getFirst().worker();
    }

    @ParameterizedTest
    @EnumSource(Rings.class)
    void framesStayInOrderWhileQueuesMove(final Rings rings) {
        final AtomicReference<Throwable> error = new AtomicReference<>();
        try (Datapath datapath = Datapath.start(options(2), error::set);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500), rings);
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500), rings)) {
            b.send(Frames.broadcast(2, 60));
            b.transmit.get(0).kick.signal();
            while (a.received().isEmpty()) {
                LockSupport.parkNanos(1);
            }
            final Others others = new Others(datapath, rings);
            final NumberedFrames numbered = new NumberedFrames(a.transmitter());
            final List<Long> got = new ArrayList<>();
            int next = 0;
            int due = 0;
            final int[] moves = new int[2];
            while (got.size() < FRAMES) {
                while (next < FRAMES && next - got.size() < WINDOW && numbered.send(next)) {
                    next++;
                }
                if (next >= due) {
                    due += 400;
                    final int workerOfA = worker(a);
                    final int workerOfB = worker(b);
                    others.change();
                    datapath.balance();
                    assertTrue(spread(datapath) <= 1, () -> "queues per worker: " + datapath.workers());
                    moves[0] += worker(a) == workerOfA ? 0 : 1;
                    moves[1] += worker(b) == workerOfB ? 0 : 1;
                }
                b.receive.getFirst().drain(frame -> got.add(NumberedFrames.number(frame)));
                LockSupport.parkNanos(1);
            }
            others.leave(-1);
            for (int i = 0; i < FRAMES; i++) {
                assertEquals(i, got.get(i));
            }
            assertTrue(moves[0] > 0 && moves[1] > 0,
                "the sender moved " + moves[0] + " times, the receiver " + moves[1]);
        }
        assertNull(error.get());
    }

    /** Guests that come, and that leave one worker before they leave the other. */
    private static final class Others {
        private final Datapath datapath;
        private final Rings rings;
        private final List<TestGuest> guests = new ArrayList<>();
        private int changes;

        Others(final Datapath datapath, final Rings rings) {
            this.datapath = datapath;
            this.rings = rings;
        }

        void change() {
            switch (changes++ % 4) {
                case 0, 2 -> {
                    leave(-1);
                    for (int i = 0; i < 4; i++) {
                        guests.add(TestGuest.up(datapath.addGuestPort("other" + changes + i, 1, 1500), rings));
                    }
                }
                case 1 -> leave(0);
                default -> leave(1);
            }
        }

        /** Removes the guests of a worker, or all of them. */
        void leave(final int worker) {
            for (final Iterator<TestGuest> each = guests.iterator(); each.hasNext();) {
                final TestGuest guest = each.next();
                if (worker < 0 || worker(guest) == worker) {
                    datapath.remove(guest.port);
                    guest.close();
                    each.remove();
                }
            }
        }
    }

    @Test
    void workersBalanceTheRemainingQueuesByThemselves() {
        final AtomicReference<Throwable> error = new AtomicReference<>();
        final List<TestGuest> guests = new ArrayList<>();
        try (Datapath datapath = Datapath.start(options(3), error::set)) {
            for (int i = 0; i < 9; i++) {
                guests.add(TestGuest.up(datapath.addGuestPort("p" + i, 1, 1500)));
            }
            final int crowded = worker(guests.getFirst());
            final List<TestGuest> left = guests.stream().filter(guest -> worker(guest) == crowded).toList();
            guests.stream().filter(guest -> !left.contains(guest)).forEach(TestGuest::close);
            // A pair belongs to neither worker while it is moved.
            while (spread(datapath) > 1 || datapath.workers().stream().mapToInt(WorkerStatus::queues).sum() != 3) {
                LockSupport.parkNanos(1_000_000);
            }
            left.forEach(TestGuest::close);
        }
        assertNull(error.get());
    }

    @ParameterizedTest
    @EnumSource(value = Rings.class, names = {"SPLIT", "PACKED"})
    void onlyEnabledPairsCount(final Rings rings) {
        try (Datapath datapath = Datapath.stepped(options(2), System::nanoTime);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 4, 1500), rings);
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500), rings)) {
            for (final int pair : new int[] {1, 3}) {
                a.port.enableRing(2 * pair, false);
                a.port.enableRing(2 * pair + 1, false);
            }
            b.port.enableRing(1, false);
            assertEquals(2, spread(datapath));
            datapath.balance();
            assertEquals(0, spread(datapath));
            b.port.enableRing(1, true);
            a.send(Frames.broadcast(1, 60));
            b.send(Frames.broadcast(2, 60));
            while (datapath.step() > 0) {
                Thread.onSpinWait();
            }
            assertEquals(1, a.received().size());
            assertEquals(1, b.received().size());
            assertEquals(1, a.reap());
            assertEquals(List.of(1L), a.port.queues().stream().filter(q -> q.kind().equals("rx"))
                .map(QueueStatus::statistics)
                .map(statistics -> statistics.outFrames()).filter(frames -> frames > 0).toList());
        }
    }
}
