package io.ringbridge.datapath;

import io.ringbridge.datapath.ReferenceBridge.Membership;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Ports with VLANs apart from frames: announcements, imported stations, and the removal of ports. */
class VlanPortsTest {
    private static final int STATION = 9;
    private static final long ADDRESS = MacAddress.parse("52:54:00:00:00:09");

    private final AtomicLong nanos = new AtomicLong(1);

    private Datapath datapath(final int workers) {
        return Datapath.stepped(new DatapathOptions(workers, List.of(), PollMode.BUSY, 8192, Duration.ofMinutes(5)),
            nanos::get);
    }

    private static TestGuest guest(final Datapath datapath, final String name, final PortVlan vlan, final long layout) {
        return new TestGuest(datapath.addGuestPort(name, 1, 1500, vlan),
            TestGuest.FEATURES | layout, 256, 2048).start();
    }

    private static byte[] rarp() {
        return ByteBuffer.allocate(60).put(new byte[] {-1, -1, -1, -1, -1, -1}).putShort((short) 0x5254).putInt(STATION)
            .putShort((short) 0x8035).putShort((short) 1).putShort((short) 0x0800).put((byte) 6).put((byte) 4)
            .putShort((short) 3)
            .putShort((short) 0x5254).putInt(STATION).putInt(0).putShort((short) 0x5254).putInt(STATION).array();
    }

    private static PortVlan all() {
        final BitSet every = new BitSet();
        every.set(PortVlan.MIN, PortVlan.MAX + 1);
        return PortVlan.trunk(every, 0);
    }

    private static void assertHears(final TestGuest guest, final int... tags) {
        final List<byte[]> frames = guest.received();
        assertEquals(tags.length, frames.size());
        for (int i = 0; i < tags.length; i++) {
            assertArrayEquals(tags[i] == 0 ? rarp() : Tags.insert(rarp(), tags[i]), frames.get(i));
        }
    }

    private static void run(final Datapath datapath) {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private static List<String> stations(final Datapath datapath) {
        return datapath.stations().stream().map(s -> s.mac() + " in " + s.vlan() + " at " + s.port()).sorted().toList();
    }

    @ParameterizedTest
    @CsvSource({"1, false", "1, true", "2, false", "3, true"})
    void anAnnouncementReachesEveryVlanOfThePort(final int workers, final boolean packed) {
        final long layout = packed ? Features.of(Features.RING_PACKED) : 0;
        try (Datapath datapath = datapath(workers);
             TestGuest ten = guest(datapath, "ten", PortVlan.access(10), layout);
             TestGuest twenty = guest(datapath, "twenty", PortVlan.access(20), layout);
             TestGuest trunk = guest(datapath, "trunk", Membership.trunk(30, 10, 20).vlan(), layout);
             TestGuest plain = guest(datapath, "plain", null, layout)) {
            datapath.addGuestPort("x", 1, 1500, PortVlan.access(10)).stations().announce(ADDRESS);
            assertHears(ten, 0);
            assertHears(twenty);
            assertHears(trunk, 10);
            assertHears(plain);
            assertEquals(List.of("52:54:00:00:00:09 in 10 at 4"), stations(datapath));
            datapath.addGuestPort("y", 1, 1500, Membership.trunk(10, 20, 30, 40).vlan()).stations().announce(ADDRESS);
            assertHears(ten, 0);
            assertHears(twenty, 0);
            assertHears(trunk, 10, 20, 0);
            assertHears(plain);
            assertEquals(List.of("52:54:00:00:00:09 in 10 at 5", "52:54:00:00:00:09 in 20 at 5",
                "52:54:00:00:00:09 in 30 at 5", "52:54:00:00:00:09 in 40 at 5"), stations(datapath));
            datapath.addGuestPort("z", 1, 1500).stations().announce(ADDRESS);
            assertHears(plain, 0);
            assertHears(ten);
            assertHears(trunk);
        }
    }

    /** An announcement in all 4094 VLANs would cost too many frames. */
    @Test
    void anAnnouncementOnATrunkOfManyVlansReachesTheStationsVlans() {
        try (Datapath datapath = datapath(1);
             TestGuest ten = guest(datapath, "ten", PortVlan.access(10), 0);
             TestGuest trunk = guest(datapath, "trunk", Membership.trunk(0, 10, 20).vlan(), 0)) {
            final GuestPort port = datapath.addGuestPort("all", 1, 1500, all());
            port.stations().announce(ADDRESS);
            assertHears(ten);
            ten.send(Frames.broadcast(STATION, 60));
            run(datapath);
            trunk.received();
            port.stations().announce(ADDRESS);
            assertHears(ten, 0);
            assertHears(trunk, 10);
            assertEquals(List.of("52:54:00:00:00:09 in 10 at 2"), stations(datapath));
            port.stations().announce(ADDRESS);
            assertHears(ten);
            nanos.addAndGet(Duration.ofMillis(50).toNanos());
            port.stations().announce(ADDRESS);
            assertHears(ten, 0);
        }
    }

    @Test
    void importedStationsAreKnownOnlyInVlansOfTheirPort() {
        try (Datapath datapath = datapath(1)) {
            final int ten = datapath.addGuestPort("ten", 1, 1500, PortVlan.access(10)).index();
            final int trunk = datapath.addGuestPort("trunk", 1, 1500, Membership.trunk(0, 20).vlan()).index();
            final int plain = datapath.addGuestPort("plain", 1, 1500).index();
            for (final int port : new int[] {ten, trunk, plain}) {
                for (final int vlan : new int[] {0, 10, 20}) {
                    datapath.importStation(ForwardingTable.key(ADDRESS + ((long) port << 40), vlan), port,
                        vlan == 20 ? ForwardingTable.STATIC_AGE : 7);
                }
            }
            assertEquals(List.of("52:54:00:00:00:09 in 10 at 0", "52:54:00:00:00:0a in 20 at 1",
                "52:54:00:00:00:0b in 0 at 2"),
                stations(datapath));
        }
    }

    /** The next port with the same index is in another VLAN, and receives no frames of the first port's VLAN. */
    @Test
    void stationsOfARemovedPortAreForgotten() {
        try (Datapath datapath = datapath(1);
             TestGuest ten = guest(datapath, "ten", PortVlan.access(10), 0);
             TestGuest first = guest(datapath, "first", PortVlan.access(10), 0)) {
            datapath.table().addStatic(ForwardingTable.key(ADDRESS, 10), first.port.index());
            first.send(Frames.broadcast(2, 60));
            run(datapath);
            assertEquals(1, ten.received().size());
            datapath.remove(first.port);
            try (TestGuest second = guest(datapath, "second", PortVlan.access(20), 0)) {
                assertEquals(first.port.index(), second.port.index());
                ten.send(Frames.ethernet(2, 1, 60));
                ten.send(Frames.ethernet(STATION, 1, 60));
                run(datapath);
                assertTrue(second.received().isEmpty());
                assertEquals(List.of("52:54:00:00:00:01 in 10 at 0"), stations(datapath));
            }
        }
    }

    @Test
    void vlanMembershipHasATextForm() {
        final PortVlan trunk = Membership.trunk(10, 20, 30, 31, 32).vlan();
        assertEquals("trunk 20,30-32 native 10", trunk.toString());
        assertEquals(List.of("20", "30-32"), trunk.allowed());
        assertArrayEquals(new int[] {10, 20, 30, 31, 32}, trunk.all());
        assertEquals("trunk 1-4094", all().toString());
        assertEquals("7", PortVlan.access(7).toString());
        assertEquals(trunk, Membership.trunk(10, 32, 31, 30, 20).vlan());
        assertFalse(trunk.equals(Membership.trunk(0, 20, 30, 31, 32).vlan())
            || PortVlan.access(10).equals(Membership.trunk(10).vlan()));
        for (int vlan = 0; vlan < 4096; vlan++) {
            final int id = vlan;
            assertEquals(Arrays.stream(trunk.all()).anyMatch(v -> v == id), trunk.carries(vlan));
            assertEquals(vlan > 0 && vlan < 4095, all().carries(vlan));
        }
        for (final int none : new int[] {0, 4095, 4096, -1}) {
            assertThrows(IllegalArgumentException.class, () -> PortVlan.access(none));
        }
    }
}
