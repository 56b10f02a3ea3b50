package io.ringbridge.datapath;

import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Frames for stations behind a port that is down. */
@Timeout(20)
class DownPortTest {
    private static final int SENDER = 1;
    private static final int MOVED = 11;
    private static final int BURST = 10;
    private static final long ADDRESS = MacAddress.parse("52:54:00:00:00:0b");

    private final List<TestGuest> guests = new ArrayList<>();
    private final Wire wire = new Wire();
    private Datapath datapath;
    private PortVlan vlan;
    private UplinkPort uplink;
    private TestGuest sender;
    private TestGuest old;
    private TestGuest other;

    /** A way for a guest's port to go down, and to come back. */
    enum Way {
        ALL_RINGS_STOP,
        RECEIVE_RING_STOPS,
        RECEIVE_RING_IS_DISABLED,
        RECEIVE_RING_BREAKS,
        FRONT_END_SUSPENDS,
        DRIVER_SUSPENDS,
        OPERATOR_SUSPENDS,
        PORT_FAILS;

        private void down(final TestGuest guest) {
            final GuestPort port = guest.port;
            switch (this) {
                case ALL_RINGS_STOP -> IntStream.range(0, 2 * port.queuePairs()).forEach(port::stopRing);
                case RECEIVE_RING_STOPS -> guest.receive.forEach(queue -> port.stopRing(queue.vring));
                case RECEIVE_RING_IS_DISABLED -> guest.receive.forEach(queue -> port.enableRing(queue.vring, false));
                case RECEIVE_RING_BREAKS -> guest.receive.forEach(queue -> IntStream.range(0, queue.ring.size())
                    .forEach(i -> Memory.putShort(queue.ring.addresses().driver() + 4 + 2L * i, (short) -1)));
                case FRONT_END_SUSPENDS -> port.suspend(SuspendCause.FRONT_END);
                case DRIVER_SUSPENDS -> port.suspend(SuspendCause.DRIVER);
                case OPERATOR_SUSPENDS -> port.suspend(SuspendCause.OPERATOR);
                case PORT_FAILS -> port.fail("failed by the test");
                default -> throw new IllegalStateException(name());
            }
        }

        private boolean mayEnd() {
            return this != PORT_FAILS && this != RECEIVE_RING_BREAKS;
        }

        private void up(final TestGuest guest, final int[] bases) {
            final GuestPort port = guest.port;
            switch (this) {
                case ALL_RINGS_STOP, RECEIVE_RING_STOPS -> {
                    (this == RECEIVE_RING_STOPS ? guest.receive.stream()
                        : Stream.concat(guest.receive.stream(), guest.transmit.stream()))
                        .forEach(queue ->
                            port.startRing(queue.vring, queue.config(bases[queue.vring]), queue.events()));
                }
                case RECEIVE_RING_IS_DISABLED -> guest.receive.forEach(queue -> port.enableRing(queue.vring, true));
                case FRONT_END_SUSPENDS -> port.resume(SuspendCause.FRONT_END);
                case DRIVER_SUSPENDS -> port.resume(SuspendCause.DRIVER);
                case OPERATOR_SUSPENDS -> port.resume(SuspendCause.OPERATOR);
                default -> throw new IllegalStateException(name());
            }
        }
    }

    static Stream<Arguments> ways() {
        return Arrays.stream(Way.values()).flatMap(way -> Stream.of(Arguments.of(way, 1, Rings.SPLIT, 0, 1),
            Arguments.of(way, 2, way == Way.RECEIVE_RING_BREAKS ? Rings.SPLIT : Rings.PACKED, 10, 1),
            Arguments.of(way, 2, Rings.SPLIT, 0, 3)));
    }

    /** Excludes failed ports: they keep their rings until a worker notices. */
    static Stream<Arguments> waysWithoutFailure() {
        return ways().filter(arguments -> arguments.get()[0] != Way.PORT_FAILS);
    }

    private void start(final int workers, final Rings rings, final int inVlan, final int pairs) {
        datapath = Datapath.stepped(new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5)),
            new Wire.Clock()::nanos);
        vlan = inVlan == 0 ? null : PortVlan.access(inVlan);
        sender = guest(rings, 1);
        old = guest(rings, pairs);
        other = guest(rings, 1);
        uplink = datapath.addUplinkPort("up", 1, 1500, vlan);
        uplink.attach(List.of(wire), true);
    }

    private TestGuest guest(final Rings rings, final int pairs) {
        guests.add(TestGuest.up(datapath.addGuestPort("g" + guests.size(), pairs, 1500, vlan), rings));
        return guests.getLast();
    }

    @AfterEach
    void stop() {
        guests.forEach(TestGuest::close);
        uplink.detach();
        wire.close();
        datapath.close();
    }

    private void run() {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
        guests.forEach(TestGuest::reap);
    }

    private void hear(final TestGuest guest, final int station) {
        guest.send(Frames.broadcast(station, 60));
        run();
        clear();
    }

    private void clear() {
        guests.stream().filter(guest -> guest.port.failure() == null).forEach(TestGuest::received);
        wire.written.clear();
    }

    /**
     * Sends a burst to the station that may have moved.
     *
     * @return the number of frames that arrive at a guest
     */
    private int send(final TestGuest at) {
        for (int i = 0; i < BURST; i++) {
            sender.send(Frames.ethernet(MOVED, SENDER, 60));
        }
        run();
        final int arrived = at.received().size();
        clear();
        return arrived;
    }

    private boolean isKnown() {
        return datapath.stations().stream()
            .anyMatch(entry -> entry.mac().endsWith(":0b") && entry.port() == old.port.index());
    }

    @ParameterizedTest
    @MethodSource("ways")
    void framesForStationsBehindADownPortAreFlooded(final Way way, final int workers, final Rings rings,
                                                              final int inVlan, final int pairs) {
        start(workers, rings, inVlan, pairs);
        hear(sender, SENDER);
        hear(old, MOVED);
        assertEquals(0, send(other), "the station's port is known");
        way.down(old);
        if (way == Way.RECEIVE_RING_BREAKS) {
            // Enough flows to reach all rings of the port, so that each is found broken.
            IntStream.range(0, 64).forEach(i -> sender.send(Frames.broadcast(100 + i, 60 + i)));
            run();
            clear();
        }
        assertEquals(BURST, send(other));
        assertEquals(BURST, send(other), "the next burst is flooded too");
        hear(other, MOVED);
        assertEquals(BURST, send(other), "the station's new port is known");
    }

    @ParameterizedTest
    @MethodSource("ways")
    void stationsOfAReturningPortAreFoundAtOnce(final Way way, final int workers, final Rings rings, final int inVlan,
                                 final int pairs) {
        start(workers, rings, inVlan, pairs);
        hear(sender, SENDER);
        hear(old, MOVED);
        if (!way.mayEnd()) {
            return;
        }
        for (int round = 0; round < 5; round++) {
            final int[] bases = new int[2 * pairs];
            if (way == Way.ALL_RINGS_STOP || way == Way.RECEIVE_RING_STOPS) {
                IntStream.range(0, 2 * pairs).filter(vring -> way == Way.ALL_RINGS_STOP || vring % 2 == 0)
                    .forEach(vring -> bases[vring] = old.port.stopRing(vring));
            } else {
                way.down(old);
            }
            assertEquals(BURST, send(other));
            assertTrue(isKnown());
            way.up(old, bases);
            run();
            clear();
            assertEquals(BURST, send(old));
            assertEquals(0, send(other));
        }
    }

    /** Every frame is delivered or counted as dropped. */
    @ParameterizedTest
    @MethodSource("waysWithoutFailure")
    void floodsWithoutAReceiverAreCounted(final Way way, final int workers, final Rings rings,
                                                      final int inVlan, final int pairs) {
        start(workers, rings, inVlan, pairs);
        hear(sender, SENDER);
        hear(old, MOVED);
        other.port.detach();
        uplink.detach();
        way.down(old);
        for (int i = 0; i < BURST; i++) {
            sender.send(Frames.ethernet(MOVED, SENDER, 60));
        }
        run();
        assertEquals(BURST, drops(sender) + drops(old));
    }

    /** A port with some queues stopped is not down. */
    @ParameterizedTest
    @CsvSource({"1, SPLIT", "2, PACKED"})
    void aPortIsUpWhileAnyReceiveRingRuns(final int workers, final Rings rings) {
        start(workers, rings, 0, 3);
        hear(sender, SENDER);
        hear(old, MOVED);
        old.port.stopRing(0);
        old.port.enableRing(4, false);
        assertEquals(BURST, send(old));
        assertEquals(0, send(other));
    }

    /** A static entry names the only port of its station. */
    @ParameterizedTest
    @MethodSource("waysWithoutFailure")
    void aStaticStationStaysAndItsFramesAreDropped(final Way way, final int workers, final Rings rings,
                                                   final int inVlan, final int pairs) {
        start(workers, rings, inVlan, pairs);
        hear(sender, SENDER);
        assertTrue(datapath.table().addStatic(ForwardingTable.key(ADDRESS, inVlan), old.port.index()));
        assertEquals(BURST, send(old));
        way.down(old);
        assertEquals(0, send(other));
        assertTrue(isKnown());
        assertTrue(drops(sender) + drops(old) >= (way == Way.RECEIVE_RING_BREAKS ? 1 : BURST),
            () -> old.port.statistics() + " " + sender.port.statistics());
    }

    private static long drops(final TestGuest guest) {
        return guest.port.statistics().drops().values().stream().mapToLong(Long::longValue).sum();
    }

    private void hearByUplink() {
        wire.given.add(Frames.broadcast(MOVED, 60));
        run();
        clear();
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "2, 10"})
    void aDownUplinkIsFoundUpByAFloodedFrame(final int workers, final int inVlan) {
        start(workers, Rings.SPLIT, inVlan, 1);
        hear(sender, SENDER);
        hearByUplink();
        assertEquals(0, send(other));
        wire.refusal = FrameDevice.DOWN;
        sender.send(Frames.ethernet(MOVED, SENDER, 60));
        run();
        clear();
        assertEquals(BURST, send(other));
        wire.refusal = 0;
        assertEquals(BURST, send(other), "a flooded frame finds the uplink up");
        assertEquals(0, send(other));
        assertEquals(1L + BURST, uplink.statistics().drops().get(DropReason.LINK_DOWN));
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "2, 10"})
    void framesAreFloodedIfAnUplinkHasNoCarrierHasFailedOrIsDetached(final int workers, final int inVlan) {
        start(workers, Rings.SPLIT, inVlan, 1);
        hear(sender, SENDER);
        hearByUplink();
        uplink.carrierLost(true);
        assertEquals(BURST, send(other));
        uplink.carrierLost(false);
        assertEquals(0, send(other));
        uplink.fail("failed by the test");
        assertEquals(BURST, send(other));
        uplink.detach();
        assertEquals(BURST, send(other));
        uplink.attach(List.of(wire), true);
        hearByUplink();
        assertEquals(0, send(other));
        datapath.remove(uplink);
        assertEquals(BURST, send(other));
    }
}
