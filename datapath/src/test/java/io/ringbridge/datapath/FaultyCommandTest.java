package io.ringbridge.datapath;

import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.datapath.port.PortStatistics;
import io.ringbridge.datapath.port.QueueOwner;
import io.ringbridge.datapath.port.QueueStatus;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.port.TransmitQueue;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.port.UplinkQueue;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingEvents;
import io.ringbridge.datapath.worker.Workers;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Raises a fault in guest memory at every point of every command. The command is still done, exactly once. */
@Timeout(60)
class FaultyCommandTest {
    private static final int PAIRS = 2;
    private static final int NEVER = Integer.MAX_VALUE;

    /**
     * A worker whose commands meet a fault at a chosen point: at their start, at their end, or before or after a change
     * of queues.
     */
    static final class FaultyOwner implements QueueOwner {
        final QueueOwner worker;
        int faultAt = NEVER;
        int points;

        FaultyOwner(final QueueOwner worker) {
            this.worker = worker;
        }

        private void point() {
            if (points++ == faultAt) {
                throw new InternalError("a fault occurred in an unsafe memory access operation");
            }
        }

        @Override
        public boolean isCaller() {
            return true;
        }

        @Override
        public int index() {
            return worker.index();
        }

        @Override
        public long cycleStart() {
            return worker.cycleStart();
        }

        @Override
        public void execute(final Runnable command) {
            worker.execute(() -> {
                point();
                command.run();
                point();
            });
        }

        @Override
        public void add(final TransmitQueue queue) {
            point();
            worker.add(queue);
            point();
        }

        @Override
        public void remove(final TransmitQueue queue) {
            point();
            worker.remove(queue);
            point();
        }

        @Override
        public void add(final UplinkQueue queue) {
            point();
            worker.add(queue);
            point();
        }

        @Override
        public void remove(final UplinkQueue queue) {
            point();
            worker.remove(queue);
            point();
        }
    }

    /** A device that provides no frames and accepts all. */
    static final class Device implements FrameDevice {
        final EventFd event = EventFd.create();

        @Override
        public boolean offloads() {
            return true;
        }

        @Override
        public long read(final long address, final int length) {
            return AGAIN;
        }

        @Override
        public long write(final long iovecs, final int count) {
            return 0;
        }

        @Override
        public void flush() {
            // writes are not buffered
        }

        @Override
        public int fd() {
            return event.fd();
        }

        @Override
        public boolean arm() {
            return false;
        }

        @Override
        public void disarm() {
            // never armed
        }
    }

    /** A worker without a thread, with a guest whose port is commanded, another guest, and an uplink. */
    static final class Rig implements AutoCloseable {
        final PortList ports = new PortList();
        final FaultyOwner owner;
        final ForwardingTable table = new ForwardingTable(1024, 300, Datapath.MAX_PORTS);
        final Workers workers = new Workers(1, List.of(), table, ports, 0, System::nanoTime);
        final QueueOwner worker = workers.place(0, 1)[0];
        final TestGuest guest;
        final TestGuest other;
        final UplinkPort uplink;
        final Device device = new Device();
        final GuestLog log;
        int number;

        Rig(final Rings rings) {
            owner = new FaultyOwner(worker);
            guest = new TestGuest(port(0, owner), rings.features, 64, 2048).start();
            other = new TestGuest(port(1, worker), rings.features, 64, 2048).start();
            uplink = new UplinkPort(2, "uplink", 1, 1500, null, new QueueOwner[] {owner}, stations(2));
            ports.put(2, uplink);
            log = new GuestLog(guest);
            other.send(Frames.broadcast(2, 60));
            run();
        }

        private GuestPort port(final int index, final QueueOwner each) {
            final GuestPort port = new GuestPort(index, "port" + index, PAIRS, 1500, null,
                _ -> new QueueOwner[] {each, each}, stations(index));
            ports.put(index, port);
            return port;
        }

        private PortStations stations(final int port) {
            return new PortStations(port, ports, workers, table, System::nanoTime);
        }

        void run() {
            while (workers.step() > 0) {
                Thread.onSpinWait();
            }
        }

        /** Sends frames both ways, and returns a description of those that arrived. */
        String traffic() {
            guest.received();
            other.received();
            guest.send(Frames.ethernet(2, 1, 60 + number));
            other.send(Frames.ethernet(1, 2, 200 + number++));
            run();
            return other.received().stream().map(frame -> frame.length).toList() + " there, "
                + guest.received().stream().map(frame -> frame.length).toList() + " back, buffers returned: "
                + guest.reap() + " " + other.reap();
        }

        /** Returns the state of the ports that is visible from outside. */
        String state() {
            final Map<String, Object> state = new TreeMap<>();
            state.put("queues", guest.port.queues().stream().map(FaultyCommandTest::row).toList());
            state.put("uplink", uplink.queues().stream().map(FaultyCommandTest::row).toList());
            state.put("polled", workers.status().getFirst().queues());
            state.put("causes", Set.copyOf(guest.port.suspendedBy()));
            state.put("failure", guest.port.failure() == null ? "" : guest.port.failure());
            state.put("positions", Stream.of(0, 1, 2, 3).map(guest.port::position).toList());
            state.put("drops", guest.port.statistics().drops());
            state.put("uplinkDrops", uplink.statistics().drops());
            return state.toString();
        }

        @Override
        public void close() {
            owner.faultAt = NEVER;
            guest.close();
            other.close();
            uplink.detach();
            device.event.close();
            log.close();
            workers.close();
        }
    }

    private static String row(final QueueStatus row) {
        return row.toString();
    }

    /** An action on the rig, with a result. */
    interface Step {
        Object on(Rig rig);
    }

    /** A command, and the step before it. */
    record Case(String name, Step before, Step command) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Case of(final String name, final Step command) {
        return new Case(name, rig -> "", command);
    }

    private static Object nothing(final Runnable command) {
        command.run();
        return "";
    }

    private static Object startAgain(final Rig rig, final int vring) {
        final TestGuest.Queue queue = (vring & 1) == 0 ? rig.guest.receive.get(vring / 2)
            : rig.guest.transmit.get(vring / 2);
        final int base = rig.guest.port.stopRing(vring);
        rig.guest.port.startRing(vring, queue.config(base), queue.events());
        return base;
    }

    private static RingAddresses[] places(final TestGuest guest) {
        final List<RingAddresses> places = new ArrayList<>();
        for (int pair = 0; pair < PAIRS; pair++) {
            places.add(guest.receive.get(pair).ring.addresses());
            places.add(guest.transmit.get(pair).ring.addresses());
        }
        return places.toArray(RingAddresses[]::new);
    }

    private static List<Case> commands() {
        final PortStatistics earlier = new PortStatistics(5, 500, 3, 300, Map.of(DropReason.NO_BUFFER, 7L));
        return List.of(
            of("startRing, transmit", rig -> startAgain(rig, 1)),
            of("startRing, receive", rig -> startAgain(rig, 0)),
            of("stopRing, transmit", rig -> rig.guest.port.stopRing(1)),
            of("stopRing, receive", rig -> rig.guest.port.stopRing(0)),
            of("disable", rig -> nothing(() -> rig.guest.port.enableRing(1, false))),
            new Case("enable", rig -> nothing(() -> rig.guest.port.enableRing(1, false)),
                rig -> nothing(() -> rig.guest.port.enableRing(1, true))),
            of("ringEvents, transmit",
                rig -> nothing(() -> rig.guest.port.setRingEvents(1, rig.guest.transmit.get(0).events()))),
            of("ringEvents, receive", rig -> nothing(() -> rig.guest.port.setRingEvents(0, RingEvents.NONE))),
            of("pageCame", rig -> nothing(() -> rig.guest.port.pageArrived(1))),
            of("translations", rig -> nothing(() -> rig.guest.port.addTranslations(rig.guest.memory, 0, 1 << 20))),
            of("refuseTranslation", rig -> nothing(() -> rig.guest.port.refuseTranslation(1, 0, 1))),
            of("remap", rig -> nothing(() -> rig.guest.port.remap(rig.guest.memory, places(rig.guest)))),
            of("suspend", rig -> nothing(() -> rig.guest.port.suspend(SuspendCause.OPERATOR))),
            new Case("resume", rig -> nothing(() -> rig.guest.port.suspend(SuspendCause.OPERATOR)),
                rig -> nothing(() -> rig.guest.port.resume(SuspendCause.OPERATOR))),
            of("log", rig -> nothing(rig.log::begin)),
            new Case("log no more", rig -> rig.log.begin(), rig -> nothing(() -> rig.guest.port.setLog(null, null))),
            of("detach", rig -> nothing(rig.guest.port::detach)),
            new Case("detach while logged", rig -> rig.log.begin(), rig -> nothing(rig.guest.port::detach)),
            of("announce", rig -> nothing(() -> rig.guest.port.stations().announce(0x0100_0000_5452L))),
            of("continueFrom", rig -> nothing(() -> rig.guest.port.continueFrom(earlier, List.of(earlier, earlier)))),
            of("uplink, attach", rig -> nothing(() -> rig.uplink.attach(List.of(rig.device), true))),
            new Case("uplink, suspend", rig -> nothing(() -> rig.uplink.attach(List.of(rig.device), true)),
                rig -> nothing(() -> rig.uplink.suspend(SuspendCause.OPERATOR))),
            new Case("uplink, ready frames", rig -> nothing(() -> {
                rig.uplink.suspend(SuspendCause.UPGRADE);
                rig.uplink.attach(List.of(rig.device), true);
            }), rig -> nothing(() -> {
                rig.uplink.ready(List.of(List.of(new byte[80], new byte[90])));
                rig.uplink.resume(SuspendCause.UPGRADE);
            })),
            new Case("uplink, detach", rig -> nothing(() -> rig.uplink.attach(List.of(rig.device), true)),
                rig -> nothing(rig.uplink::detach)),
            of("uplink, lost", rig -> nothing(() -> rig.uplink.lost(DropReason.NO_BUFFER, 5))));
    }

    static Stream<Arguments> everyCommand() {
        return Stream.of(Rings.SPLIT, Rings.PACKED)
            .flatMap(rings -> commands().stream().map(each -> Arguments.of(each, rings)));
    }

    /**
     * Returns the result and the state after a command that meets a fault at a point.
     *
     * @param met receives whether the command reached that point
     */
    private static String outcome(final Case command, final Rings rings, final int faultAt, final boolean[] met) {
        try (Rig rig = new Rig(rings)) {
            rig.traffic();
            command.before.on(rig);
            rig.owner.points = 0;
            rig.owner.faultAt = faultAt;
            final Object answer = command.command.on(rig);
            met[0] = rig.owner.points > faultAt;
            rig.owner.faultAt = NEVER;
            return answer + " " + rig.state() + rig.traffic() + rig.traffic() + rig.state();
        }
    }

    @ParameterizedTest
    @MethodSource("everyCommand")
    void isDoneExactlyOnce(final Case command, final Rings rings) {
        final boolean[] met = {true};
        final String expected = outcome(command, rings, NEVER, new boolean[1]);
        int faultAt = 0;
        while (met[0]) {
            assertEquals(expected, outcome(command, rings, faultAt, met), "with a fault at point " + faultAt);
            faultAt++;
        }
        assertTrue(command.name.equals("announce") || faultAt > 1, "the command met no fault");
    }

    /** After a fault in any command, the next front-end of the port does not write to the old log. */
    @ParameterizedTest
    @MethodSource("everyCommand")
    void costsThePortOnlyItsConnection(final Case command, final Rings rings) {
        try (Rig rig = new Rig(rings)) {
            rig.traffic();
            command.before.on(rig);
            rig.log.begin();
            rig.guest.ram.file().resize(0);
            command.command.on(rig);
            rig.run();
            rig.guest.port.detach();
            rig.guest.port.resume(SuspendCause.OPERATOR);
            assertEquals(rig.uplink.queues().getFirst().started() ? 3 : 2, rig.workers.status().getFirst().queues());
            rig.log.marked();
            try (TestGuest next = new TestGuest(rig.guest.port, rings.features, 64, 2048).start()) {
                rig.other.received();
                for (int i = 0; i < 20; i++) {
                    final byte[] frame = Frames.ethernet(2, 1, 100);
                    next.send(frame);
                    rig.other.send(Frames.ethernet(1, 2, 100));
                    rig.run();
                    assertArrayEquals(frame, rig.other.received().getLast());
                    assertNotNull(next.received().getLast());
                    rig.other.reap();
                    next.reap();
                }
            }
            assertEquals(Set.of(), rig.log.marked());
        }
    }
}
