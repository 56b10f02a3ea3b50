package io.ringbridge.datapath;

import io.ringbridge.datapath.ReferenceBridge.Membership;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.ThreadTuning;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.datapath.worker.WorkerStatus;
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

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

/** Changes of ports and workers while frames move. */
@Timeout(120)
class LiveChangesTest {
    private static final long ADDRESS = MacAddress.parse("52:54:00:00:00:09");
    private static final int CHANGES = 300;
    private static final int WINDOW = 64;
    private static final int NOBODY = 99;

    private final AtomicReference<Throwable> error = new AtomicReference<>();

    private Datapath datapath(final int workers) {
        return Datapath.start(new DatapathOptions(workers, List.of(), PollMode.ADAPTIVE, 1024, Duration.ofMinutes(5)),
            error::set);
    }

    @AfterEach
    void noWorkerHasFailed() {
        assertNull(error.get());
    }

    private static TestGuest guest(final Datapath datapath, final String name, final PortVlan vlan) {
        return TestGuest.up(datapath.addGuestPort(name, 1, 1500, vlan), Rings.SPLIT);
    }

    private static List<String> stations(final Datapath datapath) {
        return datapath.stations().stream().map(s -> s.mac() + " in " + s.vlan() + " at " + s.port()).sorted().toList();
    }

    private static void send(final TestGuest guest, final byte[] frame) {
        guest.send(frame);
        guest.transmit.getFirst().kick.signal();
        Await.until(() -> guest.reap() == 1);
    }

    @Test
    void aPortForgetsTheStationsInVlansThatItLeavesAndKeepsTheOthers() {
        try (Datapath datapath = datapath(1)) {
            final GuestPort port = datapath.addGuestPort("trunk", 1, 1500, Membership.trunk(0, 10, 20).vlan());
            final GuestPort other = datapath.addGuestPort("other", 1, 1500, PortVlan.access(10));
            datapath.importStation(ForwardingTable.key(ADDRESS, 10), port.index(), 0);
            datapath.importStation(ForwardingTable.key(ADDRESS + (1L << 40), 10), port.index(),
                ForwardingTable.STATIC_AGE);
            datapath.importStation(ForwardingTable.key(ADDRESS, 20), port.index(), ForwardingTable.STATIC_AGE);
            datapath.importStation(ForwardingTable.key(ADDRESS + (2L << 40), 10), other.index(), 0);
            assertEquals(2, datapath.changeVlan(port, Membership.trunk(0, 20, 30).vlan()));
            assertEquals(List.of("52:54:00:00:00:09 in 20 at 0", "52:54:00:00:00:0b in 10 at 1"), stations(datapath));
            assertEquals(0, datapath.changeVlan(port, Membership.trunk(20).vlan()));
            assertEquals(1, datapath.changeVlan(port, null));
            assertEquals(List.of("52:54:00:00:00:0b in 10 at 1"), stations(datapath));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void framesFollowTheNewVlans(final int workers) {
        try (Datapath datapath = datapath(workers); TestGuest a = guest(datapath, "a", null);
             TestGuest b = guest(datapath, "b", null); TestGuest ten = guest(datapath, "ten", PortVlan.access(10))) {
            send(b, Frames.broadcast(2, 60));
            Await.until(() -> a.received().size() == 1);
            datapath.changeVlan(b.port, PortVlan.access(10));
            send(a, Frames.ethernet(2, 1, 60));
            send(b, Frames.broadcast(2, 60));
            Await.until(() -> ten.received().size() == 1);
            assertEquals(List.of(0, 0), List.of(a.received().size(), b.received().size()));
            assertEquals(List.of("52:54:00:00:00:01 in 0 at 0", "52:54:00:00:00:02 in 10 at 1"), stations(datapath));
            datapath.changeVlan(b.port, Membership.trunk(0, 10).vlan());
            send(ten, Frames.ethernet(2, 3, 60));
            Await.until(() -> b.received().stream().filter(frame -> frame.length == 64).count() == 1);
            datapath.changeVlan(b.port, null);
            send(a, Frames.ethernet(2, 1, 60));
            Await.until(() -> b.received().size() == 1);
            assertEquals(0, ten.received().size());
        }
    }

    /** Every frame that a port floods while its VLAN changes arrives in exactly one of the two networks. */
    @ParameterizedTest
    @CsvSource({"1, SPLIT", "2, SPLIT", "2, PACKED"})
    void noFrameIsLostOrInTwoNetworksWhileAVlanChanges(final int workers, final Rings rings) {
        try (Datapath datapath = datapath(workers);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500), rings);
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500), rings);
             TestGuest ten = TestGuest.up(datapath.addGuestPort("ten", 1, 1500, PortVlan.access(10)), rings);
             TestGuest mover = TestGuest.up(datapath.addGuestPort("mover", 1, 1500), rings)) {
            send(b, Frames.broadcast(2, 60));
            Await.until(() -> a.received().size() == 1 && mover.received().size() == 1);
            final NumberedFrames steady = new NumberedFrames(a.transmitter());
            final NumberedFrames moving = new NumberedFrames(mover.transmitter(), NOBODY, 4);
            final long[] got = new long[2];
            final long[] floods = new long[2];
            long sent = 0;
            long flooded = 0;
            for (int change = 0; change < CHANGES || got[0] < sent || floods[0] + floods[1] < flooded; ) {
                if (change < CHANGES) {
                    sent += sent - got[0] < WINDOW && steady.send(sent) ? 1 : 0;
                    flooded += flooded - floods[0] - floods[1] < WINDOW && moving.send(flooded) ? 1 : 0;
                    if (sent > 20L * change) {
                        datapath.changeVlan(mover.port, change % 2 == 0 ? PortVlan.access(10) : null);
                        change++;
                    }
                }
                b.receive.getFirst().drain(frame -> {
                    if (NumberedFrames.source(frame) == 1) {
                        assertEquals(got[0]++, NumberedFrames.number(frame));
                    } else {
                        floods[0]++;
                        got[1] += NumberedFrames.number(frame);
                    }
                });
                ten.receive.getFirst().drain(frame -> {
                    floods[1]++;
                    got[1] += NumberedFrames.number(frame);
                });
                a.receive.getFirst().drain(_ -> { });
                LockSupport.parkNanos(1); // more threads than processors
            }
            assertEquals(flooded * (flooded - 1) / 2, got[1], "each number once");
            assertEquals(0, datapath.ports().stream().mapToInt(port -> port.statistics().drops().size()).sum());
        }
    }

    @Test
    void thePairsOfAPortChangeBetweenTwoFrontEnds() {
        try (Datapath datapath = datapath(2)) {
            final GuestPort port = datapath.addGuestPort("a", 1, 1500);
            try (TestGuest b = guest(datapath, "b", null)) {
                for (final int pairs : new int[] {3, 2, 4, 1}) {
                    port.resize(pairs);
                    assertEquals(List.of(pairs, 2 * pairs), List.of(port.queuePairs(), port.queues().size()));
                    final TestGuest a = TestGuest.up(port);
                    b.received();
                    send(a, Frames.broadcast(1, 60));
                    Await.until(() -> b.received().size() == 1);
                    a.close();
                }
            }
            assertEquals(4, port.statistics().inFrames());
        }
    }

    @Test
    void theMtuOfTheFrontEndLimitsThatOfThePort() {
        try (Datapath datapath = datapath(1)) {
            final GuestPort port = datapath.addGuestPort("a", 1, 1500);
            port.configureMtu(9000);
            assertEquals(9000, port.mtu());
            port.frontEndMtu(4000);
            port.configureMtu(3000);
            assertEquals(3000, port.mtu());
            port.configureMtu(9000);
            assertEquals(4000, port.mtu());
            port.detach();
            assertEquals(9000, port.mtu());
        }
    }

    private static List<String> cpusOfWorkers() {
        try (Stream<Path> threads = Files.list(Path.of("/proc/self/task"))) {
            return threads.filter(thread -> line(thread, "comm", "").startsWith("rb-worker-"))
                .map(thread -> line(thread, "status", "Cpus_allowed_list:")).toList();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String line(final Path thread, final String file, final String start) {
        try (Stream<String> lines = Files.lines(thread.resolve(file))) {
            return lines.filter(line -> line.startsWith(start)).map(line -> line.substring(start.length()).strip())
                .findFirst().orElse("");
        } catch (final IOException e) {
            return ""; // another thread that has ended
        }
    }

    @Test
    void workersMoveToOtherProcessorsAndBack() {
        final int first = ThreadTuning.available().nextSetBit(0);
        try (Datapath datapath = datapath(1)) {
            final List<String> before = cpusOfWorkers();
            datapath.pin(List.of(first));
            assertEquals(List.of(String.valueOf(first)), cpusOfWorkers());
            assertEquals(List.of(first), datapath.workers().stream().map(WorkerStatus::cpu).toList());
            assertThrows(OsException.class, () -> datapath.pin(List.of(1023)));
            assertEquals(List.of(String.valueOf(first)), cpusOfWorkers());
            datapath.pin(List.of());
            assertEquals(before, cpusOfWorkers());
        }
    }

    /** A busy worker polls without kicks; an adaptive one sleeps until it is kicked. */
    @Test
    void idleWorkersAdoptAnotherPollMode() {
        try (Datapath datapath = datapath(1); TestGuest a = guest(datapath, "a", null);
             TestGuest b = guest(datapath, "b", null)) {
            for (int i = 0; i < 3; i++) {
                datapath.poll(PollMode.BUSY);
                a.send(Frames.broadcast(1, 60));
                Await.until(() -> b.received().size() == 1);
                datapath.poll(PollMode.ADAPTIVE);
                a.send(Frames.broadcast(1, 60));
                a.transmit.getFirst().kick.signal();
                Await.until(() -> b.received().size() == 1);
            }
        }
    }
}
