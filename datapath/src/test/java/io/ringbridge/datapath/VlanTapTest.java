package io.ringbridge.datapath;

import io.ringbridge.datapath.ReferenceBridge.Membership;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/**
 * Two switches, each with guests on access ports and a tap that is a trunk, connected by the kernel's bridge. Packets
 * cross the bridge with a tag, and their offloads apply after the tag.
 */
@Timeout(20)
class VlanTapTest {
    private static final int MTU = 9000;
    private static final long RECEIVER = Features.of(Features.VERSION_1, Features.INDIRECT_DESC, Features.MRG_RXBUF);
    private static final byte[] ONE_TO_TWO = Arrays.copyOf(Frames.ethernet(2, 1, 14), 12);

    private final SplittableRandom random = new SplittableRandom(9);
    private final Datapath left = Datapath.stepped(DatapathOptions.DEFAULT, System::nanoTime);
    private final Datapath right = Datapath.stepped(DatapathOptions.DEFAULT, System::nanoTime);
    private final List<AutoCloseable> open = new ArrayList<>();
    private Namespace namespace;
    private UplinkPort rightTap;
    private TestGuest a;
    private TestGuest b;
    private TestGuest c;

    @BeforeEach
    void connect() {
        namespace = Namespace.create();
        namespace.in("ip", "link", "add", "br0", "mtu", "9000", "up", "type", "bridge");
        namespace.bridgedPort(left, "left", MTU, Membership.trunk(30, 10, 20).vlan(), open);
        rightTap = namespace.bridgedPort(right, "right", MTU, Membership.trunk(0, 10, 20, 30).vlan(), open);
    }

    private TestGuest guest(final Datapath datapath, final int vlan, final long features) {
        final GuestPort port = datapath.addGuestPort("g" + open.size(), 1, 65535, PortVlan.access(vlan));
        final TestGuest guest = new TestGuest(port, features, 512, 2048).start();
        open.add(guest);
        return guest;
    }

    private void guests(final long sender, final long receiver) {
        a = guest(left, 10, sender);
        b = guest(right, 10, receiver);
        c = guest(right, 20, receiver);
        a.send(Frames.broadcast(1, 60));
        assertEquals(1, await(b, 1).size());
        b.send(Frames.broadcast(2, 60));
        assertEquals(1, await(a, 1).size());
        a.reap();
    }

    @AfterEach
    void disconnect() throws Exception {
        settle();
        for (final AutoCloseable closeable : open.reversed()) {
            closeable.close();
        }
        left.close();
        right.close();
        if (namespace != null) {
            namespace.close();
        }
    }

    private void settle() {
        while (left.step() + right.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private List<TestGuest.Received> await(final TestGuest guest, final int count) {
        final List<TestGuest.Received> received = new ArrayList<>();
        while (received.size() < count) {
            if (Thread.interrupted()) {
                throw new IllegalStateException("the test timed out; right " + rightTap.statistics());
            }
            left.step();
            right.step();
            guest.receivedWithHeaders().stream()
                .filter(got -> got.frame[6] == 0x52 && got.frame[7] == 0x54).forEach(received::add);
        }
        return received;
    }

    /** Returns a packet that the kernel passes on whole: none of its headers prevents offloading. */
    private Packet packet(final boolean ipv6, final int data) {
        Packet packet = Packet.random(random, ipv6, Packet.TCP, ONE_TO_TWO, data);
        while (packet.network > 14 || packet.transport > packet.network + (ipv6 ? 40 : 20)) {
            packet = Packet.random(random, ipv6, Packet.TCP, ONE_TO_TWO, data);
        }
        return packet;
    }

    private void send(final byte[] header, final Packet packet) {
        final long mark = a.mark();
        a.send(header, packet.frame);
        left.step();
        assertEquals(1, a.reap());
        a.release(mark);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void segmentsAreCutAfterTheTag(final boolean packed) {
        final long layout = packed ? Features.of(Features.RING_PACKED) : 0;
        guests(Offloads.SENDER | layout, RECEIVER | layout);
        for (int i = 0; i < 40; i++) {
            final boolean ipv6 = random.nextBoolean();
            final int size = 100 + random.nextInt(1300);
            final Packet packet = packet(ipv6, 1 + random.nextInt(20 * size));
            send(Offloads.header(packet, ipv6 ? Offloads.TCPV6 : Offloads.TCPV4, size), packet);
            final List<byte[]> expected = packet.segments(size, false);
            final List<TestGuest.Received> received = await(b, expected.size());
            for (int k = 0; k < expected.size(); k++) {
                assertArrayEquals(expected.get(k), received.get(k).frame, "packet " + i + ", segment " + k);
            }
        }
        assertTrue(rightTap.statistics().inFrames() < 150, "the kernel passes most packets on whole");
        assertTrue(right.stations().stream().anyMatch(s -> s.vlan() == 10 && s.port() == rightTap.index()),
            "frames arrive with their tag");
        assertEquals(0, c.received().size());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void packetsStayWholeForAGuestThatAcceptsThem(final boolean packed) {
        final long layout = packed ? Features.of(Features.RING_PACKED) : 0;
        guests(Offloads.SENDER | layout, RECEIVER | layout | Offloads.TAKES_ALL);
        for (int i = 0; i < 40; i++) {
            final boolean ipv6 = random.nextBoolean();
            final boolean whole = random.nextBoolean();
            final Packet packet = packet(ipv6, whole ? 1500 + random.nextInt(60_000) : random.nextInt(1300));
            final int type = !whole ? 0 : ipv6 ? Offloads.TCPV6 : Offloads.TCPV4;
            send(Offloads.header(packet, type, whole ? 1400 : 0), packet);
            final TestGuest.Received received = await(b, 1).getFirst();
            assertArrayEquals(packet.frame, received.frame, "packet " + i);
            final byte[] header = whole ? Offloads.header(packet, type, 1400)
                : Offloads.header(0, 0, 0, packet.transport, packet.checksumAt() - packet.transport, 0);
            assertArrayEquals(Arrays.copyOf(header, 10), Arrays.copyOf(received.header, 10), "header " + i);
        }
        assertEquals(0, c.received().size());
    }
}
