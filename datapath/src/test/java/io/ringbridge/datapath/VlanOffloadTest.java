package io.ringbridge.datapath;

import io.ringbridge.datapath.ReferenceBridge.Membership;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.UplinkPort;
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
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Function;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Offloaded checksums and segmentation of packets that gain or lose a VLAN tag in the switch. */
class VlanOffloadTest {
    private static final byte[] TO_ALL = Arrays.copyOf(Frames.broadcast(1, 14), 12);
    private static final long RECEIVER = Features.of(Features.VERSION_1, Features.INDIRECT_DESC, Features.MRG_RXBUF);
    private static final byte[] PLAIN = new byte[10];
    private static final int VLAN = 10;

    private final SplittableRandom random = new SplittableRandom(21);
    private final List<TestGuest> guests = new ArrayList<>();
    private final Wire wire = new Wire();
    private Datapath datapath;
    private UplinkPort uplink;
    private TestGuest access;
    private TestGuest trunk;

    /** The offloads that each kind of receiver accepts. */
    private enum Takes {
        NOTHING(0),
        CHECKSUMS(Offloads.TAKES_CSUM),
        ALL(Offloads.TAKES_ALL);

        private final long features;

        Takes(final long features) {
            this.features = features;
        }
    }

    private record Receiver(TestGuest guest, boolean tagged, Takes takes) {
    }

    private TestGuest guest(final PortVlan vlan, final long features) {
        final TestGuest guest =
            new TestGuest(datapath.addGuestPort("g" + guests.size(), 1, 9000, vlan), features, 512, 2048).start();
        guests.add(guest);
        return guest;
    }

    /** Adds a sender and a receiver of each kind on access ports, and as many on trunks. */
    private List<Receiver> start(final int workers, final long layout) {
        datapath = Datapath.stepped(new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024, Duration.ofHours(24)),
            new Wire.Clock()::nanos);
        access = guest(PortVlan.access(VLAN), Offloads.SENDER | layout);
        trunk = guest(Membership.trunk(0, VLAN, 20).vlan(), Offloads.SENDER | layout);
        final List<Receiver> receivers = new ArrayList<>();
        for (final Takes takes : Takes.values()) {
            receivers.add(new Receiver(guest(PortVlan.access(VLAN), RECEIVER | layout | takes.features), false, takes));
            receivers.add(new Receiver(guest(Membership.trunk(20, VLAN).vlan(), RECEIVER | layout | takes.features),
                true, takes));
        }
        uplink = datapath.addUplinkPort("up", 1, 9000, Membership.trunk(20, VLAN).vlan());
        uplink.attach(List.of(wire), true);
        return receivers;
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
    }

    private void send(final TestGuest from, final byte[] header, final byte[] frame) {
        final long mark = from.mark();
        final int cut = 1 + random.nextInt(frame.length);
        from.send(header, frame, random.nextBoolean() ? new int[0] : new int[] {cut, cut + random.nextInt(11)});
        run();
        assertEquals(1, from.reap());
        from.release(mark);
    }

    /**
     * Returns a packet that is flooded, with the tag of its VLAN or without. An untagged packet may have a priority
     * tag. Service tags follow, up to two tags in all.
     */
    private Packet packet(final boolean tagged, final boolean ipv6, final int protocol, final int data) {
        final boolean priority = !tagged && random.nextInt(3) == 0;
        Packet packet = Packet.random(random, ipv6, protocol, TO_ALL, data);
        while (Tags.isTagged(packet.frame) || (tagged || priority) && Tags.number(packet.frame, 12) == Tags.SERVICE) {
            packet = packet.untagged();
        }
        if (!tagged && !priority) {
            return packet;
        }
        final byte[] inside = random.nextBoolean() ? packet.frame
            : Tags.insert(packet.frame, Tags.SERVICE, random.nextInt(1 << 16));
        return new Packet(Tags.insert(inside, random.nextInt(16) << 12 | (tagged ? VLAN : 0)));
    }

    /** Returns the packet as it is expected to leave. */
    private static Packet retagged(final Packet packet, final boolean tagged) {
        if (!Tags.isTagged(packet.frame)) {
            return tagged ? packet.tagged(VLAN) : packet;
        }
        final Packet bare = packet.untagged();
        return tagged ? bare.tagged(Tags.number(packet.frame, 14) & 0xF000 | VLAN) : bare;
    }

    private void assertReceives(final Receiver receiver, final byte[] header, final List<byte[]> frames,
                                final String what) {
        final List<TestGuest.Received> received = receiver.guest.receivedWithHeaders();
        final String where = what + ", " + (receiver.tagged ? "trunk" : "access") + " that takes " + receiver.takes;
        assertEquals(frames.size(), received.size(), () -> where + "; " + receiver.guest.port.statistics());
        for (int i = 0; i < frames.size(); i++) {
            assertArrayEquals(Arrays.copyOf(header, 10), Arrays.copyOf(received.get(i).header, 10),
                where + ", header " + i);
            assertArrayEquals(frames.get(i), received.get(i).frame, where + ", frame " + i);
        }
    }

    private void assertWritten(final Function<Packet, List<byte[]>> pieces, final Packet packet, final String what) {
        final List<byte[]> expected = pieces.apply(retagged(packet, true));
        assertEquals(expected.size(), wire.written.size(), what);
        for (int i = 0; i < expected.size(); i++) {
            assertArrayEquals(expected.get(i), wire.written.get(i), what + ", written " + i);
        }
        wire.written.clear();
    }

    private static byte[] partial(final Packet packet) {
        return Offloads.header(0, 0, 0, packet.transport, packet.checksumAt() - packet.transport, 0);
    }

    @ParameterizedTest
    @CsvSource({"1, false", "1, true", "2, false", "3, true"})
    void segmentsAreRightWithTheTagTheyLeaveWith(final int workers, final boolean packed) {
        final List<Receiver> receivers = start(workers, packed ? Features.of(Features.RING_PACKED) : 0);
        for (int i = 0; i < 200; i++) {
            final boolean tagged = random.nextBoolean();
            final boolean ipv6 = random.nextBoolean();
            final int size = 1 + random.nextInt(1448);
            final Packet packet = packet(tagged, ipv6, Packet.TCP, random.nextInt(Math.min(20 * size, 20_000)));
            final int type = ipv6 ? Offloads.TCPV6 : Offloads.TCPV4;
            send(tagged ? trunk : access, Offloads.header(packet, type, size), packet.frame);
            final String what = "packet " + i + (tagged ? " from the trunk" : " from the access port");
            for (final Receiver receiver : receivers) {
                final Packet out = retagged(packet, receiver.tagged);
                switch (receiver.takes) {
                    case NOTHING -> assertReceives(receiver, PLAIN, out.segments(size, false), what);
                    case CHECKSUMS -> assertReceives(receiver, partial(out), out.segments(size, true), what);
                    default -> assertReceives(receiver, Offloads.header(out, type, size), List.of(out.frame), what);
                }
            }
            assertWritten(out -> out.segments(size, false), packet, what);
            trunk.received();
            access.received();
        }
    }

    @ParameterizedTest
    @CsvSource({"1, false", "1, true", "2, false"})
    void checksumsAreCompletedOrPassedOnAtTheirNewOffset(final int workers, final boolean packed) {
        final List<Receiver> receivers = start(workers, packed ? Features.of(Features.RING_PACKED) : 0);
        for (int i = 0; i < 300; i++) {
            final boolean tagged = random.nextBoolean();
            final int protocol = random.nextBoolean() ? Packet.UDP : Packet.TCP;
            final Packet packet = packet(tagged, random.nextBoolean(), protocol, random.nextInt(1400));
            send(tagged ? trunk : access, Offloads.header(packet, 0, 0), packet.frame);
            final String what = "packet " + i + (tagged ? " from the trunk" : " from the access port");
            for (final Receiver receiver : receivers) {
                final Packet out = retagged(packet, receiver.tagged);
                if (receiver.takes == Takes.NOTHING) {
                    assertReceives(receiver, PLAIN, List.of(out.complete().frame), what);
                } else {
                    assertReceives(receiver, partial(out), List.of(out.frame), what);
                }
            }
            assertWritten(out -> List.of(out.complete().frame), packet, what);
            trunk.received();
            access.received();
        }
    }

    @ParameterizedTest
    @CsvSource({"false", "true"})
    void datagramsAreFragmentedWithTheTagTheyLeaveWith(final boolean packed) {
        final List<Receiver> receivers = start(1, packed ? Features.of(Features.RING_PACKED) : 0);
        for (int i = 0; i < 100; i++) {
            final boolean tagged = random.nextBoolean();
            final int size = 8 + random.nextInt(1400);
            final Packet packet = packet(tagged, false, Packet.UDP, random.nextInt(Math.min(20 * size, 20_000)));
            send(tagged ? trunk : access, Offloads.header(packet, Offloads.UDP, size), packet.frame);
            for (final Receiver receiver : receivers) {
                final Packet out = retagged(packet, receiver.tagged);
                if (receiver.takes == Takes.ALL) {
                    assertReceives(receiver, Offloads.header(out, Offloads.UDP, size & -8), List.of(out.frame),
                        "packet " + i);
                } else {
                    assertReceives(receiver, PLAIN, out.fragments(size, 0), "packet " + i);
                }
            }
            assertWritten(out -> out.fragments(size, 0), packet, "packet " + i);
            trunk.received();
            access.received();
        }
    }

    /** If a checksum starts in the tag or would be written there, the tag cannot be stripped. */
    @Test
    void aChecksumThatReachesIntoTheTagIsDropped() {
        final List<Receiver> receivers = start(1, 0);
        final byte[] tagged = Tags.insert(Frames.broadcast(1, 200), VLAN);
        for (int start = 14; start < 22; start++) {
            send(trunk, Offloads.header(0, 0, 0, start, 0, 0), tagged);
            for (final Receiver receiver : receivers) {
                assertEquals(start < 18 ? 0 : 1, receiver.guest.received().size(), "from " + start);
            }
            assertEquals(start < 18 ? 0 : 1, wire.written.size());
            wire.written.forEach(frame -> assertEquals(VLAN, Tags.number(frame, 14)));
            wire.written.clear();
        }
        assertEquals(Map.of(DropReason.BAD_OFFLOAD, 4L), trunk.port.statistics().drops());
    }

    /** A tag would push the start of the checksum out of the range of the header's field. */
    @Test
    void aChecksumStartThatATagPushesOutOfRangeIsDropped() {
        start(1, 0);
        final byte[] frame = Frames.broadcast(1, 65_549);
        for (int start = 65_530; start < 65_536; start++) {
            send(access, Offloads.header(0, 0, 0, start, 2, 0), frame);
        }
        assertEquals(Map.of(DropReason.BAD_OFFLOAD, 4L), access.port.statistics().drops());
    }

    @Test
    void tagsDoNotCountTowardsTheMtu() {
        final List<Receiver> receivers = start(1, 0);
        for (final boolean tagged : new boolean[] {false, true}) {
            for (final boolean ipv6 : new boolean[] {false, true}) {
                for (final int over : new int[] {0, 1}) {
                    final Packet packet = packet(tagged, ipv6, Packet.TCP, 20_000);
                    final int size = 9000 - (packet.payload - packet.network) + over;
                    final int type = ipv6 ? Offloads.TCPV6 : Offloads.TCPV4;
                    send(tagged ? trunk : access, Offloads.header(packet, type, size), packet.frame);
                    for (final Receiver receiver : receivers) {
                        assertEquals(over > 0, receiver.guest.received().isEmpty());
                    }
                    assertEquals(over > 0, wire.written.isEmpty());
                    wire.written.clear();
                }
            }
        }
        assertEquals(4L, uplink.statistics().drops().get(DropReason.MTU_EXCEEDED));
        assertTrue(receivers.stream()
            .allMatch(r -> r.guest.port.statistics().drops().equals(Map.of(DropReason.MTU_EXCEEDED, 4L))));
    }
}
