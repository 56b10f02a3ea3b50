package io.ringbridge.datapath;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Invalid virtio-net headers from a guest that negotiated all offloads, for guests that accept all or none. */
class HostileOffloadTest {
    private static final byte[] BROADCAST = Arrays.copyOf(Frames.broadcast(1, 14), 12);
    private static final int DATA = 3000;
    private static final int PLAIN = -1;

    private final SplittableRandom random = new SplittableRandom(11);
    private final Datapath datapath = Datapath.stepped(DatapathOptions.DEFAULT, System::nanoTime);
    private TestGuest sender;
    private TestGuest all;
    private TestGuest none;

    @BeforeEach
    void attach() {
        sender = new TestGuest(datapath.addGuestPort("sender", 1, 65535), Offloads.SENDER, 256, 2048).start();
        all = new TestGuest(datapath.addGuestPort("all", 1, 9000),
            TestGuest.FEATURES | Offloads.TAKES_ALL, 1024, 2048).start();
        none = new TestGuest(datapath.addGuestPort("none", 1, 9000), TestGuest.FEATURES, 1024, 2048).start();
    }

    @AfterEach
    void detach() {
        List.of(sender, all, none).forEach(TestGuest::close);
        datapath.close();
    }

    private void run() {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private static Packet packet(final boolean ipv6, final int protocol) {
        return Packet.random(new SplittableRandom(3), ipv6, protocol, BROADCAST, DATA);
    }

    private static byte[] bytes(final byte[] frame, final int at, final int... values) {
        final byte[] changed = frame.clone();
        for (int i = 0; i < values.length; i++) {
            changed[at + i] = (byte) values[i];
        }
        return changed;
    }

    static Stream<Arguments> invalidHeaders() {
        final Packet tcp4 = packet(false, Packet.TCP);
        final Packet tcp6 = packet(true, Packet.TCP);
        final Packet udp = packet(false, Packet.UDP);
        final int t4 = tcp4.transport;
        final int t6 = tcp6.transport;
        final int v4 = Offloads.TCPV4;
        final int v6 = Offloads.TCPV6;
        final int ufo = Offloads.UDP;
        return Stream.of(
            invalid("checksum starts beyond the frame", Offloads.header(0, 0, 0, tcp4.frame.length, 16, 0),
                tcp4.frame),
            invalid("checksum starts far beyond the frame", Offloads.header(0, 0, 0, 65535, 65535, 0), tcp4.frame),
            invalid("checksum is beyond the frame", Offloads.header(0, 0, 0, t4, tcp4.frame.length - t4, 0),
                tcp4.frame),
            invalid("checksum is half beyond the frame", Offloads.header(0, 0, 0, t4, tcp4.frame.length - t4 - 1, 0),
                tcp4.frame),
            invalid("checksum starts in the Ethernet header", Offloads.header(0, 0, 0, 13, 2, 0), tcp4.frame),
            invalid("segments of size 0", Offloads.header(tcp4, v4, 0), tcp4.frame),
            invalid("fragments of size 0", Offloads.header(udp, ufo, 0), udp.frame),
            invalid("TCP for a UDP packet", Offloads.header(v4, 0, 1000, udp.transport, 16, 0), udp.frame),
            invalid("UDP for a TCP packet", Offloads.header(ufo, 0, 1000, t4, 6, 0), tcp4.frame),
            invalid("IPv6 for an IPv4 packet", Offloads.header(v6, 0, 1000, t4, 16, 0), tcp4.frame),
            invalid("IPv4 for an IPv6 packet", Offloads.header(v4, 0, 1000, t6, 16, 0), tcp6.frame),
            invalid("no IP", Offloads.header(tcp4, v4, 1000), bytes(tcp4.frame, tcp4.network - 2, 0x88, 0xB5)),
            invalid("not version 4", Offloads.header(tcp4, v4, 1000), bytes(tcp4.frame, tcp4.network, 0x65)),
            invalid("not version 6", Offloads.header(tcp6, v6, 1000), bytes(tcp6.frame, tcp6.network, 0x40)),
            invalid("IPv4 header too short", Offloads.header(tcp4, v4, 1000), bytes(tcp4.frame, tcp4.network, 0x44)),
            invalid("a fragment", Offloads.header(tcp4, v4, 1000), bytes(tcp4.frame, tcp4.network + 6, 0x20, 0)),
            invalid("another fragment", Offloads.header(tcp4, v4, 1000), bytes(tcp4.frame, tcp4.network + 6, 0, 1)),
            invalid("TCP header too short", Offloads.header(tcp4, v4, 1000), bytes(tcp4.frame, t4 + 12, 0x40)),
            invalid("checksum starts elsewhere", Offloads.header(v4, 0, 1000, t4 + 2, 16, 0), tcp4.frame),
            invalid("checksum is elsewhere", Offloads.header(v4, 0, 1000, t4, 18, 0), tcp4.frame),
            invalid("frame ends in the IPv4 header", Offloads.header(v4, 0, 10, 14, 0, 0),
                Arrays.copyOf(tcp4.frame, tcp4.network + 19)),
            invalid("frame ends in the IPv6 header", Offloads.header(v6, 0, 10, 14, 0, 0),
                Arrays.copyOf(tcp6.frame, tcp6.network + 39)),
            invalid("frame ends in the TCP header", Offloads.header(v4, 0, 10, t4, 16, 0),
                Arrays.copyOf(tcp4.frame, t4 + 19)),
            invalid("frame ends in the TCP options", Offloads.header(v4, 0, 10, t4, 16, 0),
                bytes(Arrays.copyOf(tcp4.frame, t4 + 24), t4 + 12, 0xF0)),
            invalid("extension headers without end", Offloads.header(tcp6, v6, 1000), endless(tcp6)));
    }

    private static byte[] endless(final Packet packet) {
        final byte[] frame = packet.frame.clone();
        frame[packet.network + 6] = 60;
        for (int at = packet.network + 40; at + 8 <= frame.length; at += 8) {
            frame[at] = 60;
            frame[at + 1] = 0;
        }
        return frame;
    }

    private static Arguments invalid(final String what, final byte[] header, final byte[] frame) {
        return Arguments.of(what, header, frame);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("invalidHeaders")
    void invalidHeadersAreDroppedAndCounted(final String what, final byte[] header, final byte[] frame) {
        for (long times = 1; times <= 3; times++) {
            sender.send(header, frame);
            sender.send(header, frame, 5, 13, 30);
            run();
            assertEquals(2, sender.reap());
            assertEquals(2 * times, sender.port.statistics().drops().get(DropReason.BAD_OFFLOAD), what);
        }
        assertEquals(0, all.received().size() + none.received().size());
        final Packet good = packet(true, Packet.TCP);
        sender.send(Offloads.header(good, Offloads.TCPV6, 1000), good.frame);
        run();
        assertEquals(1, all.received().size());
        assertEquals(3, none.received().size());
        assertEquals(1, sender.reap());
    }

    /** Hints, reserved bits, types that were not negotiated, and fields without the flag that gives them a meaning. */
    static Stream<Arguments> meaningless() {
        final Packet tcp4 = packet(false, Packet.TCP);
        final Packet tcp6 = packet(true, Packet.TCP);
        final Packet udp = packet(false, Packet.UDP);
        final int length = tcp4.frame.length;
        final int t4 = tcp4.transport;
        final int v4 = Offloads.TCPV4;
        return Stream.of(
            same("header length 0", tcp4, v4, Offloads.header(v4, 0, 1000, t4, 16, 0)),
            same("headers too short", tcp4, v4, Offloads.header(v4, 14, 1000, t4, 16, 0)),
            same("headers as long as the frame", tcp4, v4, Offloads.header(v4, length, 1000, t4, 16, 0)),
            same("headers longer than the frame", tcp4, v4, Offloads.header(v4, length + 1, 1000, t4, 16, 0)),
            same("headers of 65535 bytes", tcp6, Offloads.TCPV6,
                Offloads.header(Offloads.TCPV6, 65535, 1000, tcp6.transport, 16, 0)),
            same("headers longer than the datagram", udp, Offloads.UDP,
                Offloads.header(Offloads.UDP, 65535, 1000, udp.transport, 6, 0)),
            same("headers longer than a whole frame", tcp4, 0, Offloads.header(0, length + 1, 0, t4, 16, 0)),
            same("segment size without segments", tcp4, 0, Offloads.header(0, 0, 9, t4, 16, 0)),
            same("number of buffers", tcp4, v4, Offloads.header(v4, 0, 1000, t4, 16, 77)),
            same("reserved flags", tcp4, v4, flags(Offloads.header(v4, 0, 1000, t4, 16, 0), 0xFF)),
            same("an unknown kind of segments", tcp4, 0, Offloads.header(2, 0, 1000, t4, 16, 0)),
            same("datagrams, which were not offered", udp, 0, Offloads.header(5, 0, 1000, udp.transport, 6, 0)),
            same("congestion without segments", tcp4, 0, Offloads.header(Offloads.ECN, 0, 0, t4, 16, 0)),
            same("congestion of UDP", udp, Offloads.UDP,
                Offloads.header(Offloads.UDP | Offloads.ECN, 0, 1000, udp.transport, 6, 0)),
            same("all but a checksum", tcp4, PLAIN, flags(garbage(Offloads.ECN), 0xFE)),
            same("an unknown kind alone", tcp4, PLAIN, flags(garbage(0x7F), 0xFE)));
    }

    private static byte[] garbage(final int type) {
        return Offloads.header(type, 65535, 65535, 65535, 65535, 9);
    }

    private static byte[] flags(final byte[] header, final int flags) {
        header[0] = (byte) flags;
        return header;
    }

    /** A header that means the same as one with this type, or as {@link #PLAIN}. */
    private static Arguments same(final String what, final Packet packet, final int type, final byte[] header) {
        return Arguments.of(what, packet, type, header);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("meaningless")
    void fieldsThatMeanNothingCostNoFrame(final String what, final Packet packet, final int type, final byte[] header) {
        sender.send(header, packet.frame);
        sender.send(header, packet.frame, 5, 13, 30);
        run();
        assertEquals(2, sender.reap());
        assertTrue(sender.port.statistics().drops().isEmpty(), what);
        final byte[] expected = type == PLAIN ? new byte[12] : Offloads.header(packet, type, type == 0 ? 0 : 1000);
        final List<TestGuest.Received> whole = all.receivedWithHeaders();
        assertEquals(2, whole.size());
        for (final TestGuest.Received received : whole) {
            assertArrayEquals(Arrays.copyOf(expected, 10), Arrays.copyOf(received.header, 10), what);
            assertArrayEquals(packet.frame, received.frame, what);
        }
        final List<byte[]> pieces = type == PLAIN ? List.of(packet.frame) : type == 0 ? List.of(packet.complete().frame)
            : type == Offloads.UDP ? packet.fragments(1000, 0) : packet.segments(1000, false);
        final List<byte[]> cut = none.received();
        assertEquals(2 * pieces.size(), cut.size());
        for (int i = 0; i < cut.size(); i++) {
            assertArrayEquals(pieces.get(i % pieces.size()), cut.get(i), what);
        }
    }

    /** A receiver that accepted the whole packet would complete a checksum that the sender did not request. */
    @Test
    void segmentsWithoutAChecksumRequestAreCutForEveryReceiver() {
        for (final boolean ipv6 : new boolean[] {false, true}) {
            final Packet packet = packet(ipv6, Packet.TCP);
            final int type = ipv6 ? Offloads.TCPV6 : Offloads.TCPV4;
            sender.send(flags(Offloads.header(packet, type, 700), 0), packet.frame);
            run();
            assertEquals(1, sender.reap());
            final List<byte[]> expected = packet.segments(700, false);
            final List<byte[]> got = none.received();
            final List<TestGuest.Received> partial = all.receivedWithHeaders();
            assertEquals(expected.size(), got.size());
            assertEquals(expected.size(), partial.size());
            for (int i = 0; i < got.size(); i++) {
                assertArrayEquals(expected.get(i), got.get(i));
                assertArrayEquals(packet.segments(700, true).get(i), partial.get(i).frame);
            }
        }
    }

    @Test
    void offloadsThatWereNotNegotiatedAreIgnored() {
        final int[] bits = {Features.CSUM, Features.HOST_TSO4, Features.HOST_TSO6, Features.HOST_ECN,
            Features.HOST_UFO};
        final int[] types = {0, Offloads.TCPV4, Offloads.TCPV6, Offloads.TCPV4 | Offloads.ECN,
            Offloads.UDP};
        for (int i = 0; i < bits.length; i++) {
            sender.close();
            sender = new TestGuest(sender.port, Offloads.SENDER & ~Features.of(bits[i]), 256, 2048).start();
            final Packet packet = packet(types[i] == Offloads.TCPV6,
                types[i] == Offloads.UDP ? Packet.UDP : Packet.TCP);
            sender.send(Offloads.header(packet, types[i], 1000), packet.frame);
            run();
            final boolean congestion = bits[i] == Features.HOST_ECN;
            final List<TestGuest.Received> whole = all.receivedWithHeaders();
            assertEquals(1, whole.size());
            assertArrayEquals(packet.frame, whole.getFirst().frame);
            assertArrayEquals(bits[i] == Features.CSUM ? new byte[10]
                : Arrays.copyOf(Offloads.header(packet, congestion ? types[i] : 0, congestion ? 1000 : 0), 10),
                Arrays.copyOf(whole.getFirst().header, 10));
            final List<byte[]> completed = none.received();
            assertEquals(congestion ? packet.segments(1000, false).size() : 1, completed.size());
            if (!congestion) {
                assertArrayEquals((bits[i] == Features.CSUM ? packet : packet.complete()).frame, completed.getFirst());
            }
        }
        assertTrue(sender.port.statistics().drops().isEmpty());
    }

    @Test
    void randomHeadersAndFramesHarmNobody() {
        int arrived = 0;
        for (int i = 0; i < 20_000; i++) {
            final long mark = sender.mark();
            final Packet packet = Packet.random(random, random.nextBoolean(),
                random.nextBoolean() ? Packet.TCP : Packet.UDP, BROADCAST,
                random.nextInt(2000));
            final int type = new int[] {0, Offloads.TCPV4, Offloads.UDP, Offloads.TCPV6}[random.nextInt(4)];
            final byte[] header = Offloads.header(packet, type, 1 + random.nextInt(1000));
            final byte[] frame = packet.frame;
            for (int changes = random.nextInt(4); changes > 0; changes--) {
                final byte[] changed = random.nextBoolean() ? header : frame;
                changed[random.nextInt(Math.min(changed.length, 120))] = (byte) random.nextInt(256);
            }
            sender.send(header, Arrays.copyOf(frame,
                random.nextInt(10) == 0 ? 14 + random.nextInt(frame.length - 14) : frame.length));
            run();
            assertEquals(1, sender.reap());
            sender.release(mark);
            arrived += all.received().size() + none.received().size();
        }
        assertTrue(arrived > 20_000, "frames arrived: " + arrived);
        assertTrue(sender.port.statistics().drops().get(DropReason.BAD_OFFLOAD) > 1000);
        assertNull(sender.port.failure());
    }

    @Test
    void headersThatChangeUnderTheSwitchHarmNobody() throws InterruptedException {
        final AtomicBoolean ending = new AtomicBoolean();
        final Packet packet = packet(true, Packet.TCP);
        final byte[] header = Offloads.header(packet, Offloads.TCPV6, 100);
        final long frameAt = sender.allocate(TestGuest.HEADER + packet.frame.length, 64);
        Memory.copy(header, 0, frameAt, header.length);
        Memory.copy(packet.frame, 0, frameAt + TestGuest.HEADER, packet.frame.length);
        final Thread changer = Thread.ofPlatform().start(() -> {
            final SplittableRandom own = new SplittableRandom(1);
            while (!ending.get()) {
                final int at = own.nextInt(TestGuest.HEADER + packet.payload);
                final byte was = at < header.length ? header[at] : packet.frame[at - header.length];
                Memory.putByte(frameAt + at, (byte) own.nextInt(256));
                Thread.onSpinWait();
                Memory.putByte(frameAt + at, was);
            }
        });
        for (int i = 0; i < 20_000; i++) {
            sender.transmit.get(0).ring.add(sender.guest(frameAt), TestGuest.HEADER + packet.frame.length, false);
            sender.transmit.get(0).ring.publish();
            run();
            assertEquals(1, sender.reap());
            all.received();
            none.received();
        }
        ending.set(true);
        changer.join();
        assertNull(sender.port.failure());
        assertNull(none.port.failure());
    }
}
