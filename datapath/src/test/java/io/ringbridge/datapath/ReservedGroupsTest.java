package io.ringbridge.datapath;

import io.ringbridge.datapath.ReferenceBridge.Membership;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

/** Frames for the groups 01:80:c2:00:00:00 to 0f and for adjacent groups, from ports of every kind. */
@Timeout(20)
class ReservedGroupsTest {
    private static final int PAUSE = 1;
    private static final int LLDP = 0x0E;
    private static final List<Membership> PORTS = List.of(Membership.NONE, Membership.NONE, Membership.access(10),
        Membership.trunk(10, 20), Membership.trunk(0, 10, 20));
    private static final long[] BESIDE = {0x01_80_C2_00_00_10L, 0x01_80_C2_00_01_00L, 0x01_80_C3_00_00_00L,
        0x03_80_C2_00_00_00L, 0x01_80_C2_00_00_FEL, 0x01_00_5E_00_00_05L, 0x33_33_00_00_00_01L, 0xFF_FF_FF_FF_FF_FFL};

    private final List<Port> ports = new ArrayList<>();
    private final List<TestGuest> guests = new ArrayList<>();
    private final List<Wire> wires = new ArrayList<>();
    private Datapath datapath;
    private int station;

    /** Adds a guest and an uplink for each kind of port. */
    private void start(final int workers, final Rings rings) {
        datapath = Datapath.stepped(new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024, Duration.ofHours(24)),
            new Wire.Clock()::nanos);
        for (final Membership membership : PORTS) {
            guests.add(TestGuest.up(datapath.addGuestPort("g" + guests.size(), 1, 1500, membership.vlan()), rings));
            ports.add(guests.getLast().port);
        }
        for (final Membership membership : PORTS) {
            final UplinkPort uplink = datapath.addUplinkPort("u" + wires.size(), 1, 1500, membership.vlan());
            wires.add(new Wire());
            uplink.attach(List.of(wires.getLast()), true);
            ports.add(uplink);
        }
    }

    @AfterEach
    void stop() {
        ports.forEach(datapath::remove);
        guests.forEach(TestGuest::close);
        wires.forEach(Wire::close);
        datapath.close();
    }

    private static byte[] frame(final long destination, final int source, final byte[] tags) {
        byte[] frame = Frames.ethernet(0, source, 60);
        for (int i = 0; i < 6; i++) {
            frame[i] = (byte) (destination >>> 8 * (5 - i));
        }
        for (int at = 0; at < tags.length; at += 2) {
            frame = Tags.insert(frame, tags[at] << 8 | tags[at + 1]);
        }
        return frame;
    }

    private static byte[] group(final int number, final int source, final byte... tags) {
        return frame(0x01_80_C2_00_00_00L | number, source, tags);
    }

    /**
     * Sends a frame.
     *
     * @return the number of other ports that receive it
     */
    private int send(final int from, final byte[] frame) {
        if (from < guests.size()) {
            final long mark = guests.get(from).mark();
            guests.get(from).sendSplit(frame);
            run();
            assertEquals(1, guests.get(from).reap());
            guests.get(from).release(mark);
        } else {
            wires.get(from - guests.size()).given.add(frame);
            run();
        }
        int arrived = 0;
        for (final TestGuest guest : guests) {
            arrived += guest.received().size();
        }
        for (final Wire wire : wires) {
            arrived += wire.written.size();
            wire.written.clear();
        }
        return arrived;
    }

    private void run() {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private long dropped(final int port) {
        return ports.get(port).statistics().drops().getOrDefault(DropReason.RESERVED_GROUP, 0L);
    }

    private boolean knows(final int number) {
        return datapath.stations().stream().anyMatch(entry -> entry.mac().endsWith(String.format(":%02x", number)));
    }

    /** Returns tags that a port accepts for VLAN 10, or any tags for a port without VLANs. */
    private static List<byte[]> tags(final Membership port) {
        final byte[] priority = {(byte) 0x60, 0};
        final byte[] ten = {(byte) 0x60, 10};
        return port.equals(Membership.NONE) ? List.of(new byte[0], priority, ten)
            : port.trunk() == null ? List.of(new byte[0], priority)
            : port.untagged() == 0 ? List.of(ten) : List.of(new byte[0], priority, ten);
    }

    @ParameterizedTest
    @CsvSource({"1, SPLIT", "1, PACKED", "2, SPLIT", "3, PACKED_IN_ORDER"})
    void reservedGroupsAreNotRelayed(final int workers, final Rings rings) {
        start(workers, rings);
        for (int from = 0; from < ports.size(); from++) {
            final Membership port = PORTS.get(from % PORTS.size());
            final int others = port.equals(Membership.NONE) ? 3 : 5;
            for (final byte[] tags : tags(port)) {
                final long before = dropped(from);
                for (int number = 0; number < 16; number++) {
                    station = station % 250 + 1;
                    ports.forEach(each -> datapath.table().flush(each.index(), true));
                    assertEquals(0, send(from, group(number, station, tags)), "group " + number + " from " + port);
                    assertEquals(number != PAUSE, knows(station),
                        "the source is learned, except from MAC control frames");
                }
                assertEquals(before + 16, dropped(from));
                for (final long beside : BESIDE) {
                    assertEquals(others, send(from, frame(beside, station, tags)),
                        Long.toHexString(beside) + " from " + port);
                }
                assertEquals(before + 16, dropped(from));
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1, SPLIT", "2, PACKED"})
    void aPortRelaysItsConfiguredGroupsButNeverPause(final int workers, final Rings rings) {
        start(workers, rings);
        for (int from = 0; from < ports.size(); from++) {
            final Membership port = PORTS.get(from % PORTS.size());
            final int others = port.equals(Membership.NONE) ? 3 : 5;
            final byte[] tags = tags(port).getLast();
            for (final int mask : new int[] {0xFFFF, 1 << LLDP | 1 << 3, 1 << PAUSE}) {
                ports.get(from).relayGroups(mask);
                for (int number = 0; number < 16; number++) {
                    final boolean relayed = number != PAUSE && (mask >>> number & 1) != 0;
                    assertEquals(relayed ? others : 0, send(from, group(number, 7, tags)),
                        "group " + number + " from " + port + ", mask " + mask);
                }
            }
            ports.get(from).relayGroups(0);
        }
    }

    /** A frame that its ingress port relays goes to every other port. */
    @ParameterizedTest
    @CsvSource({"1, SPLIT"})
    void onlyTheIngressPortDecides(final int workers, final Rings rings) {
        start(workers, rings);
        ports.get(0).relayGroups(1 << LLDP);
        final byte[] frame = group(LLDP, 1);
        guests.get(0).send(frame);
        guests.get(1).send(group(LLDP, 2));
        run();
        assertArrayEquals(frame, guests.get(1).received().getFirst());
        assertEquals(0, IntStream.of(0, 2, 3, 4).map(i -> guests.get(i).received().size()).sum());
        assertEquals(Map.of(DropReason.RESERVED_GROUP, 1L), guests.get(1).port.statistics().drops());
    }
}
