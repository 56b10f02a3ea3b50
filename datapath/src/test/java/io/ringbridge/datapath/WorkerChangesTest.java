package io.ringbridge.datapath;

import io.ringbridge.datapath.os.DescriptorLimit;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.ThreadTuning;
import io.ringbridge.datapath.port.Mirror;
import io.ringbridge.datapath.port.PortCapture;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.datapath.worker.WorkerCounters;
import io.ringbridge.datapath.worker.WorkerStatus;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.NumberedFrames;
import io.ringbridge.testkit.OpenDescriptors;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The number of workers changes while frames move: none is lost, reordered or delivered twice. */
@Timeout(120)
class WorkerChangesTest {
    private static final int[] NUMBERS = {2, 1, 3, 2, 4, 1};
    private static final int CHANGES = 60;
    private static final int FRAMES_PER_CHANGE = 40;
    private static final int WINDOW = 64;
    private static final List<Integer> ANYWHERE = List.of();

    private final AtomicReference<Throwable> error = new AtomicReference<>();

    private Datapath datapath(final int workers, final PollMode poll) {
        return Datapath.start(new DatapathOptions(workers, ANYWHERE, poll, 1024, Duration.ofMinutes(5)), error::set);
    }

    private Datapath datapath(final int workers) {
        return datapath(workers, PollMode.ADAPTIVE);
    }

    @AfterEach
    void noWorkerHasFailed() {
        assertNull(error.get());
    }

    private static TestGuest guest(final Datapath datapath, final String name, final int pairs, final Rings rings) {
        return TestGuest.up(datapath.addGuestPort(name, pairs, 1500), rings);
    }

    /** Numbered frames from one guest to another. Each guest sends one flow and receives one. */
    private static final class Flow {
        private final NumberedFrames frames;
        private final TestGuest to;
        private final int source;
        private long sent;
        private long got;

        Flow(final TestGuest from, final int source, final TestGuest to, final int destination) {
            frames = new NumberedFrames(from.transmitter(), destination, source);
            this.to = to;
            this.source = source;
        }

        void send() {
            sent += sent - got < WINDOW && frames.send(sent) ? 1 : 0;
        }

        void receive() {
            to.receive.forEach(queue -> queue.drain(frame -> {
                assertEquals(source, NumberedFrames.source(frame));
                assertEquals(got++, NumberedFrames.number(frame));
            }));
        }

        boolean isComplete() {
            return got == sent;
        }
    }

    /** Makes the switch learn the guests as stations 1, 2 and so on, and returns a ring of flows between them. */
    private static List<Flow> flows(final TestGuest... guests) {
        for (int i = 0; i < guests.length; i++) {
            final TestGuest sender = guests[i];
            sender.send(Frames.broadcast(i + 1, 60));
            sender.transmit.getFirst().kick.signal();
            Await.until(() -> sender.reap() == 1);
        }
        final List<Flow> flows = new ArrayList<>();
        for (int i = 0; i < guests.length; i++) {
            final int next = (i + 1) % guests.length;
            final TestGuest receiver = guests[next];
            final int[] floods = new int[1];
            Await.until(() -> (floods[0] += receiver.received().size()) == guests.length - 1);
            flows.add(new Flow(guests[i], i + 1, receiver, next + 1));
        }
        return flows;
    }

    /** Runs the flows until the action has returned false, and then until all frames have arrived. */
    private static void run(final List<Flow> flows, final BooleanSupplier action) {
        boolean more = true;
        while (more || !flows.stream().allMatch(Flow::isComplete)) {
            if (more) {
                flows.forEach(Flow::send);
                more = action.getAsBoolean();
            }
            flows.forEach(Flow::receive);
            LockSupport.parkNanos(1); // more threads than processors
        }
    }

    /** Changes the number of workers whenever some frames have arrived. */
    private static final class Changes {
        private final Datapath datapath;
        private final Flow measure;
        private int made;

        Changes(final Datapath datapath, final Flow measure) {
            this.datapath = datapath;
            this.measure = measure;
        }

        boolean next() {
            if (measure.got >= (long) FRAMES_PER_CHANGE * made) {
                final int workers = NUMBERS[made++ % NUMBERS.length];
                datapath.replaceWorkers(workers, ANYWHERE);
                assertEquals(workers, datapath.workers().size());
            }
            return made < CHANGES;
        }
    }

    @ParameterizedTest
    @CsvSource({"SPLIT, BUSY", "SPLIT_IN_ORDER, ADAPTIVE", "PACKED, ADAPTIVE", "PACKED_IN_ORDER, BUSY"})
    void flowsStayCompleteAndInOrder(final Rings rings, final PollMode poll) {
        try (Datapath datapath = datapath(1, poll); TestGuest a = guest(datapath, "a", 1, rings);
             TestGuest b = guest(datapath, "b", 3, rings); TestGuest c = guest(datapath, "c", 2, rings)) {
            final List<Flow> flows = flows(a, b, c);
            final Changes changes = new Changes(datapath, flows.getFirst());
            run(flows, () -> {
                final boolean more = changes.next();
                final var pairs = datapath.workers().stream().mapToInt(WorkerStatus::queues).summaryStatistics();
                assertEquals(6, pairs.getSum());
                assertTrue(pairs.getMax() - pairs.getMin() <= 1, () -> "pairs per worker: " + datapath.workers());
                return more;
            });
            assertEquals(0, datapath.ports().stream().mapToInt(port -> port.statistics().drops().size()).sum());
        }
    }

    /** An uplink's queue moves as a pair does. Its frames are read by the worker that owns it at the time. */
    @Test
    void theQueuesOfUplinksMoveToo() {
        try (Datapath datapath = datapath(1); Wire wire = new Wire();
             TestGuest a = guest(datapath, "a", 1, Rings.SPLIT)) {
            final UplinkPort uplink = datapath.addUplinkPort("u", 1, 1500);
            uplink.attach(List.of(wire), true);
            for (int i = 0; i < CHANGES; i++) {
                datapath.replaceWorkers(NUMBERS[i % NUMBERS.length], ANYWHERE);
                final int number = i;
                datapath.whileFrozen(() -> wire.given.add(Frames.broadcast(1, 60 + number)));
                Await.until(() -> {
                    final List<byte[]> got = a.received();
                    got.forEach(frame -> assertEquals(60 + number, frame.length));
                    return !got.isEmpty();
                });
                a.send(Frames.broadcast(2, 60 + number));
                a.transmit.getFirst().kick.signal();
                Await.until(() -> a.reap() == 1);
            }
            uplink.detach();
            assertEquals(CHANGES, wire.written.size());
        }
    }

    @Test
    void portsComeAndGoAndAreSuspendedMeanwhile() throws InterruptedException {
        try (Datapath datapath = datapath(1); TestGuest a = guest(datapath, "a", 2, Rings.PACKED);
             TestGuest b = guest(datapath, "b", 1, Rings.SPLIT)) {
            final List<Flow> flows = flows(a, b);
            final AtomicBoolean ending = new AtomicBoolean();
            final AtomicReference<Throwable> failure = new AtomicReference<>();
            final Thread others = Thread.ofPlatform().start(() -> {
                try {
                    while (!ending.get()) {
                        try (TestGuest other = guest(datapath, "other", 2, Rings.SPLIT)) {
                            other.port.stations().announce(0x0900_0000_5452L);
                            other.port.suspend(SuspendCause.OPERATOR);
                            datapath.end(datapath.capture(other.port, true, true, 64));
                            other.port.resume(SuspendCause.OPERATOR);
                            datapath.remove(other.port);
                        }
                    }
                } catch (final Throwable e) {
                    failure.set(e);
                }
            });
            final Changes changes = new Changes(datapath, flows.getFirst());
            final Thread suspender = Thread.ofPlatform().start(() -> {
                while (!ending.get()) { // frames of a suspended sender wait in its ring
                    datapath.pauseAll();
                    datapath.resumeAll();
                }
            });
            final boolean[] announced = new boolean[1];
            boolean more = true;
            while (more || !flows.stream().allMatch(Flow::isComplete)) {
                if (more) {
                    flows.forEach(Flow::send);
                    more = changes.next();
                }
                for (final Flow flow : flows) {
                    flow.to.receive.forEach(queue -> queue.drain(frame -> {
                        if (NumberedFrames.isNumbered(frame)) {
                            assertEquals(flow.got++, NumberedFrames.number(frame));
                        } else {
                            announced[0] = true;
                        }
                    }));
                }
                LockSupport.parkNanos(1);
            }
            ending.set(true);
            others.join();
            suspender.join();
            assertNull(failure.get());
            assertTrue(announced[0], "announcements of the other port arrive");
        }
    }

    @ParameterizedTest
    @CsvSource({"SPLIT", "PACKED"})
    void aSuspendedPortWhoseWorkerIsRemovedResumesWhereItWas(final Rings rings) {
        try (Datapath datapath = datapath(3); TestGuest a = guest(datapath, "a", 1, rings);
             TestGuest b = guest(datapath, "b", 1, rings); TestGuest c = guest(datapath, "c", 1, rings)) {
            final List<Flow> flows = flows(a, b, c);
            run(flows, () -> flows.getFirst().got < 1000);
            assertEquals(2, c.port.queues().getFirst().worker());
            c.port.suspend(SuspendCause.OPERATOR);
            for (int i = 0; i < WINDOW; i++) {
                flows.get(2).send(); // waits in the ring
            }
            final Flow between = flows.getFirst();
            final long before = between.got;
            datapath.replaceWorkers(1, ANYWHERE);
            run(List.of(between), () -> between.got < before + 1000);
            assertEquals(0, c.port.queues().getFirst().worker());
            c.port.resume(SuspendCause.OPERATOR);
            run(flows, () -> flows.get(2).got < 3000);
        }
    }

    @Test
    void aChangeWhileAllQueuesArePausedLeavesThemPaused() {
        try (Datapath datapath = datapath(2); TestGuest a = guest(datapath, "a", 1, Rings.SPLIT);
             TestGuest b = guest(datapath, "b", 1, Rings.SPLIT)) {
            final List<Flow> flows = flows(a, b);
            datapath.pauseAll();
            flows.getFirst().send();
            datapath.replaceWorkers(3, ANYWHERE);
            datapath.addGuestPort("later", 4, 1500);
            flows.forEach(Flow::receive);
            assertEquals(1, a.port.statistics().inFrames(), "only the first frame was taken");
            datapath.resumeAll();
            run(flows, () -> flows.getFirst().got < 100);
        }
    }

    @Test
    void countersOfWorkersThatRemainContinue() {
        try (Datapath datapath = datapath(1); TestGuest a = guest(datapath, "a", 1, Rings.SPLIT);
             TestGuest b = guest(datapath, "b", 1, Rings.SPLIT)) {
            final List<Flow> flows = flows(a, b);
            run(flows, () -> flows.getFirst().got < 1000);
            datapath.pauseAll();
            final WorkerCounters before = datapath.workerCounters().getFirst();
            datapath.replaceWorkers(2, ANYWHERE);
            final List<WorkerCounters> after = datapath.workerCounters();
            assertEquals(List.of(0, 1), after.stream().map(WorkerCounters::index).toList());
            assertEquals(List.of(before.deliveredFrames(), 0L),
                after.stream().map(WorkerCounters::deliveredFrames).toList());
            assertTrue(after.getFirst().busySeconds() >= before.busySeconds());
            datapath.resumeAll();
            run(flows, () -> flows.getFirst().got < 2000);
            datapath.pauseAll();
            assertEquals(a.port.statistics().outFrames() + b.port.statistics().outFrames(),
                datapath.workers().stream().mapToLong(WorkerStatus::frames).sum());
            datapath.resumeAll();
        }
    }

    @Test
    void capturesAndTracesHaveTheFramesOfAllWorkers() {
        try (Datapath datapath = datapath(1); TestGuest a = guest(datapath, "a", 1, Rings.SPLIT);
             TestGuest b = guest(datapath, "b", 1, Rings.SPLIT)) {
            final List<Flow> flows = flows(a, b);
            final PortCapture capture = datapath.capture(b.port, true, true, 64);
            final int traced = b.port.tracedFrames().size();
            for (int i = 1; i <= 4; i++) {
                final int round = i;
                run(flows, () -> flows.getFirst().got < 100L * round);
                datapath.replaceWorkers(NUMBERS[i], ANYWHERE);
            }
            datapath.pauseAll();
            final int[] captured = new int[1];
            capture.read(_ -> captured[0]++ >= 0);
            assertEquals(flows.stream().mapToLong(flow -> flow.got).sum(), captured[0]);
            assertEquals(0, capture.lost());
            assertTrue(b.port.tracedFrames().size() > traced);
            datapath.end(capture);
            datapath.resumeAll();
        }
    }

    @Test
    void mirrorsCopyTheFramesOfAllWorkers() {
        try (Datapath datapath = datapath(1); TestGuest a = guest(datapath, "a", 1, Rings.SPLIT);
             TestGuest b = guest(datapath, "b", 1, Rings.SPLIT);
             TestGuest monitor = guest(datapath, "monitor", 1, Rings.SPLIT)) {
            final List<Flow> flows = flows(a, b);
            final Mirror mirror = datapath.mirror("m", a.port, true, false, monitor.port);
            final Flow mirrored = flows.getFirst();
            for (int i = 1; i <= 4; i++) {
                final int round = i;
                run(flows, () -> {
                    monitor.received();
                    return mirrored.got < 100L * round;
                });
                datapath.replaceWorkers(NUMBERS[i], ANYWHERE);
            }
            Await.until(() -> mirror.statistics().outFrames() == mirrored.got);
            assertEquals(Map.of(), mirror.statistics().drops());
            datapath.end(mirror);
        }
    }

    @Test
    void workersBalanceTheirQueuesAfterAChange() {
        try (Datapath datapath = datapath(1)) {
            final List<TestGuest> guests = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                guests.add(guest(datapath, "p" + i, 1, Rings.SPLIT));
            }
            datapath.replaceWorkers(2, ANYWHERE);
            final List<TestGuest> gone =
                guests.stream().filter(guest -> guest.port.queues().getFirst().worker() == 0).toList();
            assertEquals(3, gone.size());
            gone.forEach(TestGuest::close);
            Await.until(() -> datapath.workers().stream().map(WorkerStatus::queues).sorted().toList()
                .equals(List.of(1, 2)));
            guests.stream().filter(guest -> !gone.contains(guest)).forEach(TestGuest::close);
        }
    }

    private static long threads() {
        return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().startsWith("rb-worker-"))
            .count();
    }

    @Test
    void theThreadsAndDescriptorsOfFormerWorkersAreGone() {
        final int first = ThreadTuning.available().nextSetBit(0);
        try (Datapath datapath = datapath(1)) {
            datapath.replaceWorkers(3, ANYWHERE);
            datapath.replaceWorkers(1, List.of(first));
            final long descriptors = OpenDescriptors.count();
            assertEquals(List.of(first), datapath.workers().stream().map(WorkerStatus::cpu).toList());
            for (final int number : NUMBERS) {
                datapath.replaceWorkers(number, ANYWHERE);
                assertEquals(number, threads());
                assertTrue(datapath.isRunning());
            }
            assertEquals(descriptors, OpenDescriptors.count());
        }
        assertEquals(0, threads());
    }

    @Test
    void aChangeThatTheSystemRefusesChangesNothing() {
        try (Datapath datapath = datapath(2); TestGuest a = guest(datapath, "a", 1, Rings.SPLIT);
             TestGuest b = guest(datapath, "b", 1, Rings.PACKED)) {
            final List<Flow> flows = flows(a, b);
            datapath.replaceWorkers(3, ANYWHERE);
            datapath.replaceWorkers(2, ANYWHERE);
            assertThrows(OsException.class, () -> datapath.replaceWorkers(1, List.of(1023)));
            final long descriptors = OpenDescriptors.count();
            for (int more = 0; more < 6; more++) {
                OsException refused = null;
                try (DescriptorLimit _ = DescriptorLimit.leaving(more)) {
                    datapath.replaceWorkers(3, ANYWHERE);
                } catch (final OsException e) {
                    refused = e;
                }
                assertTrue(String.valueOf(refused).endsWith("too many open files (EMFILE)"), "refused: " + refused);
                assertEquals(2, datapath.workers().size());
                assertEquals(2, threads());
                assertEquals(descriptors, OpenDescriptors.count());
                final long got = flows.getFirst().got;
                run(flows, () -> flows.getFirst().got < got + 200);
            }
        }
    }
}
