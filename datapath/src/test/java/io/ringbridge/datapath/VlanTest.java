package io.ringbridge.datapath;

import io.ringbridge.datapath.ReferenceBridge.Membership;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Frames with and without tags, between ports of all kinds and VLAN settings. */
class VlanTest {
    private static final int STATIONS = 8;
    private static final int UNKNOWN = 99;
    private static final List<Membership> GUESTS = List.of(Membership.access(10), Membership.access(20),
        Membership.trunk(0, 10, 20),
        Membership.trunk(10, 20, 30), Membership.trunk(20, IntStream.range(1, 4095).boxed().toArray(Integer[]::new)),
        Membership.access(10), Membership.NONE, Membership.NONE);
    private static final List<Membership> UPLINKS = List.of(Membership.trunk(30, 10, 20, 30), Membership.access(20),
        Membership.NONE);

    private final SplittableRandom random = new SplittableRandom(12);
    private final List<Membership> memberships = new ArrayList<>();
    private final List<Port> ports = new ArrayList<>();
    private final List<TestGuest> guests = new ArrayList<>();
    private final List<Wire> wires = new ArrayList<>();
    private final List<Map<DropReason, Long>> drops = new ArrayList<>();
    private Datapath datapath;

    /** The kinds of tags after a frame's addresses. */
    private enum Kind {
        NONE, PRIORITY, TEN, TWENTY, THIRTY, FORTY, RESERVED, DOUBLE, PRIORITY_DOUBLE, SERVICE, SERVICE_INSIDE,
        SERVICE_BEHIND_PRIORITY, PRIORITY_SERVICE, SHORTEST_PRIORITY, CUT
    }

    private void start(final int workers, final Rings rings) {
        datapath = Datapath.stepped(new DatapathOptions(workers, List.of(), PollMode.BUSY, 4096, Duration.ofHours(24)),
            new Wire.Clock()::nanos);
        for (final Membership membership : GUESTS) {
            final TestGuest guest = TestGuest.up(datapath.addGuestPort("g" + guests.size(), 1, 1500, membership.vlan()),
                rings);
            guests.add(guest);
            added(guest.port, membership);
        }
        for (final Membership membership : UPLINKS) {
            final UplinkPort uplink = datapath.addUplinkPort("u" + wires.size(), 1, 1500, membership.vlan());
            wires.add(new Wire());
            uplink.attach(List.of(wires.getLast()), true);
            added(uplink, membership);
        }
    }

    private void added(final Port port, final Membership membership) {
        ports.add(port);
        memberships.add(membership);
        drops.add(new EnumMap<>(DropReason.class));
    }

    @AfterEach
    void stop() {
        ports.forEach(datapath::remove);
        guests.forEach(TestGuest::close);
        wires.forEach(Wire::close);
        datapath.close();
    }

    private void run() {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private byte[] frame(final Kind kind, final int destination, final int source) {
        final byte[] bare = destination == 0 ? Frames.broadcast(source, 60 + random.nextInt(1400))
            : Frames.ethernet(destination, source, 60 + random.nextInt(1400));
        final int priority = random.nextInt(16) << 12;
        return switch (kind) {
            case NONE -> bare;
            case PRIORITY -> Tags.insert(bare, priority);
            case TEN -> Tags.insert(bare, priority | 10);
            case TWENTY -> Tags.insert(bare, priority | 20);
            case THIRTY -> Tags.insert(bare, priority | 30);
            case FORTY -> Tags.insert(bare, priority | 40);
            case RESERVED -> Tags.insert(bare, priority | 4095);
            case DOUBLE -> Tags.insert(Tags.insert(bare, 30), priority | 20);
            case PRIORITY_DOUBLE -> Tags.insert(Tags.insert(bare, 30), priority);
            case SERVICE -> Tags.insert(bare, Tags.SERVICE, priority | 20);
            case SERVICE_INSIDE -> Tags.insert(Tags.insert(bare, Tags.SERVICE, 30), priority | 10);
            case SERVICE_BEHIND_PRIORITY -> Tags.insert(Tags.insert(bare, Tags.SERVICE, 30), priority);
            case PRIORITY_SERVICE -> Tags.insert(bare, Tags.SERVICE, priority);
            case SHORTEST_PRIORITY -> Arrays.copyOf(Tags.insert(bare, priority), 18 + random.nextInt(5));
            case CUT -> Arrays.copyOf(Tags.insert(bare, 10), 14 + random.nextInt(4));
        };
    }

    private void send(final int from, final byte[] frame) {
        if (from < guests.size()) {
            final int length = TestGuest.HEADER + frame.length;
            guests.get(from).sendSplit(frame, random.nextBoolean() ? new int[0]
                : random.ints(random.nextInt(1, 4), 1, Math.min(length, 40)).sorted().distinct().toArray());
        } else {
            wires.get(from - guests.size()).given.add(frame);
        }
    }

    private List<byte[]> received(final int at) {
        if (at < guests.size()) {
            return guests.get(at).received();
        }
        final List<byte[]> written = wires.get(at - guests.size()).written;
        final List<byte[]> received = List.copyOf(written);
        written.clear();
        return received;
    }

    private void exchange(final ReferenceBridge reference, final int from, final List<byte[]> burst,
                          final String what) {
        final List<List<byte[]>> expected = new ArrayList<>();
        ports.forEach(_ -> expected.add(new ArrayList<>()));
        final long[] marks = guests.stream().mapToLong(TestGuest::mark).toArray();
        for (final byte[] frame : burst) {
            send(from, frame);
            final ReferenceBridge.Outcome outcome = reference.take(from, frame);
            outcome.out().forEach((port, out) -> expected.get(port).add(out));
            outcome.refusedBy().forEach(port -> drops.get(port).merge(DropReason.VLAN_TAGGED, 1L, Long::sum));
            if (outcome.drop() != null) {
                drops.get(from).merge(outcome.drop(), 1L, Long::sum);
            }
        }
        run();
        for (int i = 0; i < ports.size(); i++) {
            final String where = what + " from " + memberships.get(from) + " at " + memberships.get(i);
            final List<byte[]> got = received(i);
            assertEquals(expected.get(i).size(), got.size(), where);
            for (int k = 0; k < got.size(); k++) {
                assertArrayEquals(expected.get(i).get(k), got.get(k), where);
            }
            assertEquals(drops.get(i), ports.get(i).statistics().drops(), where);
        }
        for (int i = 0; i < guests.size(); i++) {
            assertEquals(i == from ? burst.size() : 0, guests.get(i).reap(), what);
            guests.get(i).release(marks[i]);
        }
    }

    /** Sends every kind of frame from every port to every station, while stations move between ports. */
    @ParameterizedTest
    @CsvSource({"1, SPLIT", "1, PACKED", "1, SPLIT_IN_ORDER", "2, PACKED_IN_ORDER", "2, SPLIT", "3, PACKED"})
    void everyFrameLeavesWhereAndAsItShould(final int workers, final Rings rings) {
        start(workers, rings);
        final ReferenceBridge reference = new ReferenceBridge(memberships);
        final List<int[]> combinations = new ArrayList<>();
        for (int from = 0; from < ports.size(); from++) {
            for (int kind = 0; kind < Kind.values().length; kind++) {
                for (int destination = Frames.MULTICAST; destination <= STATIONS; destination++) {
                    combinations.add(new int[] {from, kind, destination});
                }
                combinations.add(new int[] {from, kind, UNKNOWN});
            }
        }
        for (int i = combinations.size(); i > 1; i--) {
            java.util.Collections.swap(combinations, i - 1, random.nextInt(i));
        }
        for (final int[] combination : combinations) {
            final Kind kind = Kind.values()[combination[1]];
            exchange(reference, combination[0], List.of(frame(kind, combination[2], 1 + random.nextInt(STATIONS))),
                kind.name());
        }
    }

    /** Sends bursts of which consecutive frames go to the same queue. */
    @ParameterizedTest
    @CsvSource({"1, SPLIT", "1, PACKED_IN_ORDER", "2, PACKED", "3, SPLIT_IN_ORDER"})
    void burstsKeepTheirOrder(final int workers, final Rings rings) {
        start(workers, rings);
        final ReferenceBridge reference = new ReferenceBridge(memberships);
        for (int round = 0; round < 200; round++) {
            final int from = random.nextInt(ports.size());
            final List<byte[]> burst = new ArrayList<>();
            while (burst.size() < 100) {
                final Kind kind = Kind.values()[random.nextInt(Kind.values().length)];
                final int destination = random.nextInt(STATIONS + 1);
                final int source = 1 + random.nextInt(STATIONS);
                for (int n = 1 + random.nextInt(10); n > 0; n--) {
                    burst.add(frame(kind, destination, source));
                }
            }
            exchange(reference, from, burst, "round " + round);
        }
    }

    @Test
    void stationsAreKnownPerVlan() {
        start(1, Rings.SPLIT);
        send(2, frame(Kind.TEN, 0, 1));
        send(2, frame(Kind.TWENTY, 0, 1));
        run();
        send(3, frame(Kind.NONE, 0, 1));
        run();
        send(6, frame(Kind.TEN, 0, 1));
        run();
        assertEquals(List.of("0 at 6", "10 at 3", "20 at 2"),
            datapath.stations().stream().map(s -> s.vlan() + " at " + s.port()).sorted().toList());
    }

    /** A frame waits in another worker's ring while its sender changes bytes that were already checked. */
    @ParameterizedTest
    @CsvSource({"0, false", "0, true", "2, false", "2, true"})
    void aGuestThatRewritesItsTagEntersNoOtherVlan(final int to, final boolean tagged) {
        start(2, Rings.SPLIT);
        send(to, frame(to == 0 ? Kind.NONE : Kind.TEN, 0, 2));
        run();
        IntStream.range(0, ports.size()).forEach(this::received);
        final byte[] bare = Frames.ethernet(2, 1, 60);
        final TestGuest sender = guests.get(3);
        final long at = sender.allocate(0, 64) + TestGuest.HEADER;
        sender.send(tagged ? Tags.insert(bare, 10) : bare);
        datapath.step();
        assertEquals(0, received(to).size(), "the frame is in flight");
        Memory.putShort(at + 12, (short) 0x0081);
        Memory.putShort(at + 14, (short) 0x1E00);
        Memory.putShort(at + 16, (short) 0x0081);
        run();
        final byte[] received = received(to).getFirst();
        final byte[] expected = to == 0 ? bare : Tags.insert(bare, 10);
        assertArrayEquals(Arrays.copyOf(expected, to == 0 ? 14 : 18), Arrays.copyOf(received, to == 0 ? 14 : 18));
        assertEquals(expected.length, received.length);
    }

    @Test
    void framesInManyPiecesArriveWithTheirTag() {
        start(1, Rings.SPLIT);
        send(2, frame(Kind.TEN, 0, 2));
        run();
        received(2);
        final byte[] frame = Frames.ethernet(2, 1, 1000);
        guests.get(0).sendSplit(frame, IntStream.range(1, 256).toArray());
        run();
        assertArrayEquals(Tags.insert(frame, 10), received(2).getFirst());
    }

    @Test
    void tagsDoNotCountTowardsTheMtu() {
        start(1, Rings.SPLIT);
        for (final int length : new int[] {1514, 1515}) {
            final byte[] frame = Frames.broadcast(1, length);
            IntStream.range(0, ports.size()).forEach(this::received);
            send(0, frame);
            run();
            final int fits = length == 1514 ? 1 : 0;
            assertEquals(fits, received(2).size(), "with a tag");
            assertEquals(fits, received(5).size(), "without");
            received(8);
            send(2, Tags.insert(frame, 10));
            run();
            assertEquals(fits, received(0).size(), "without a tag that it had");
            assertEquals(fits, received(8).size(), "by an uplink");
        }
        assertTrue(ports.get(8).statistics().drops().containsKey(DropReason.MTU_EXCEEDED));
    }
}
