package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.ring.Features;
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

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** virtio-net headers that lie, from a guest that may ask for everything, to guests that take all and nothing. */
class HostileOffloadTest {
    private static final byte[] BROADCAST = Arrays.copyOf(Frames.broadcast(1, 14), 12);
    private static final int DATA = 3000;

    private final SplittableRandom random = new SplittableRandom(11);
    private final Datapath datapath = Datapath.stepped(DatapathOptions.DEFAULT, System::nanoTime);
    private TestGuest sender;
    private TestGuest all;
    private TestGuest none;

    @BeforeEach
    void attach() {
        sender = new TestGuest(datapath.addGuestPort("sender", 1, 65535), OffloadTest.SENDER, 256, 2048).start();
        all = new TestGuest(datapath.addGuestPort("all", 1, 9000), TestGuest.FEATURES | OffloadTest.TAKES_ALL, 1024, 2048).start();
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

    static Stream<Arguments> lies() {
        final Packet tcp4 = packet(false, Packet.TCP);
        final Packet tcp6 = packet(true, Packet.TCP);
        final Packet udp = packet(false, Packet.UDP);
        final int t4 = tcp4.transport;
        final int t6 = tcp6.transport;
        final int v4 = OffloadTest.TCPV4;
        final int v6 = OffloadTest.TCPV6;
        final int ufo = OffloadTest.UDP;
        final byte[] notPartial = OffloadTest.header(tcp4, v4, 1000);
        notPartial[0] = 0;
        return Stream.of(
            lie("checksum begins beyond the frame", OffloadTest.header(0, 0, 0, tcp4.frame.length, 16, 0), tcp4.frame),
            lie("checksum begins far beyond the frame", OffloadTest.header(0, 0, 0, 65535, 65535, 0), tcp4.frame),
            lie("checksum lies beyond the frame", OffloadTest.header(0, 0, 0, t4, tcp4.frame.length - t4, 0), tcp4.frame),
            lie("checksum lies half beyond the frame", OffloadTest.header(0, 0, 0, t4, tcp4.frame.length - t4 - 1, 0), tcp4.frame),
            lie("checksum begins in the Ethernet header", OffloadTest.header(0, 0, 0, 13, 2, 0), tcp4.frame),
            lie("headers longer than the frame", OffloadTest.header(0, tcp4.frame.length + 1, 0, t4, 16, 0), tcp4.frame),
            lie("headers longer than the frame to be cut", OffloadTest.header(v4, tcp4.frame.length + 1, 1000, t4, 16, 0), tcp4.frame),
            lie("segments without a checksum", notPartial, tcp4.frame),
            lie("segments of no size", OffloadTest.header(tcp4, v4, 0), tcp4.frame),
            lie("fragments of no size", OffloadTest.header(udp, ufo, 7), udp.frame),
            lie("more segments than allowed", OffloadTest.header(tcp4, v4, 5), tcp4.frame),
            lie("unknown kind", OffloadTest.header(tcp4, 2, 1000), tcp4.frame),
            lie("UDP segments, not offered", OffloadTest.header(udp, 5, 1000), udp.frame),
            lie("ECN of nothing", OffloadTest.header(tcp4, OffloadTest.ECN, 0), tcp4.frame),
            lie("ECN of UDP", OffloadTest.header(udp, ufo | OffloadTest.ECN, 1000), udp.frame),
            lie("TCP where there is UDP", OffloadTest.header(v4, 0, 1000, udp.transport, 16, 0), udp.frame),
            lie("UDP where there is TCP", OffloadTest.header(ufo, 0, 1000, t4, 6, 0), tcp4.frame),
            lie("IPv6 where there is IPv4", OffloadTest.header(v6, 0, 1000, t4, 16, 0), tcp4.frame),
            lie("IPv4 where there is IPv6", OffloadTest.header(v4, 0, 1000, t6, 16, 0), tcp6.frame),
            lie("no IP", OffloadTest.header(tcp4, v4, 1000), bytes(tcp4.frame, tcp4.network - 2, 0x88, 0xB5)),
            lie("not version 4", OffloadTest.header(tcp4, v4, 1000), bytes(tcp4.frame, tcp4.network, 0x65)),
            lie("not version 6", OffloadTest.header(tcp6, v6, 1000), bytes(tcp6.frame, tcp6.network, 0x40)),
            lie("IPv4 header too short", OffloadTest.header(tcp4, v4, 1000), bytes(tcp4.frame, tcp4.network, 0x44)),
            lie("a fragment", OffloadTest.header(tcp4, v4, 1000), bytes(tcp4.frame, tcp4.network + 6, 0x20, 0)),
            lie("another fragment", OffloadTest.header(tcp4, v4, 1000), bytes(tcp4.frame, tcp4.network + 6, 0, 1)),
            lie("TCP header too short", OffloadTest.header(tcp4, v4, 1000), bytes(tcp4.frame, t4 + 12, 0x40)),
            lie("checksum begins elsewhere", OffloadTest.header(v4, 0, 1000, t4 + 2, 16, 0), tcp4.frame),
            lie("checksum lies elsewhere", OffloadTest.header(v4, 0, 1000, t4, 18, 0), tcp4.frame),
            lie("frame ends in the IPv4 header", OffloadTest.header(v4, 0, 10, 14, 0, 0), Arrays.copyOf(tcp4.frame, tcp4.network + 19)),
            lie("frame ends in the IPv6 header", OffloadTest.header(v6, 0, 10, 14, 0, 0), Arrays.copyOf(tcp6.frame, tcp6.network + 39)),
            lie("frame ends in the TCP header", OffloadTest.header(v4, 0, 10, t4, 16, 0), Arrays.copyOf(tcp4.frame, t4 + 19)),
            lie("frame ends in the TCP options", OffloadTest.header(v4, 0, 10, t4, 16, 0),
                bytes(Arrays.copyOf(tcp4.frame, t4 + 24), t4 + 12, 0xF0)),
            lie("extension headers without end", OffloadTest.header(tcp6, v6, 1000), endless(tcp6)));
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

    private static Arguments lie(final String what, final byte[] header, final byte[] frame) {
        return Arguments.of(what, header, frame);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("lies")
    void liesAreDroppedAndCounted(final String what, final byte[] header, final byte[] frame) {
        for (long times = 1; times <= 3; times++) {
            sender.send(header, frame);
            sender.send(header, frame, 5, 13, 30);
            run();
            assertEquals(2, sender.reap());
            assertEquals(2 * times, sender.port.statistics().drops().get(DropReason.BAD_OFFLOAD), what);
        }
        assertEquals(0, all.received().size() + none.received().size());
        final Packet good = packet(true, Packet.TCP);
        sender.send(OffloadTest.header(good, OffloadTest.TCPV6, 1000), good.frame);
        run();
        assertEquals(1, all.received().size());
        assertEquals(3, none.received().size());
        assertEquals(1, sender.reap());
    }

    @Test
    void whatWasNotNegotiatedMayNotBeAskedFor() {
        final int[] bits = {Features.CSUM, Features.HOST_TSO4, Features.HOST_TSO6, Features.HOST_ECN, Features.HOST_UFO};
        final int[] types = {0, OffloadTest.TCPV4, OffloadTest.TCPV6, OffloadTest.TCPV4 | OffloadTest.ECN, OffloadTest.UDP};
        for (int i = 0; i < bits.length; i++) {
            sender.close();
            sender = new TestGuest(sender.port, OffloadTest.SENDER & ~Features.of(bits[i]), 256, 2048).start();
            final Packet packet = packet(types[i] == OffloadTest.TCPV6, types[i] == OffloadTest.UDP ? Packet.UDP : Packet.TCP);
            sender.send(OffloadTest.header(packet, types[i], 1000), packet.frame);
            run();
            assertEquals(i + 1L, sender.port.statistics().drops().get(DropReason.BAD_OFFLOAD));
        }
        assertEquals(0, all.received().size() + none.received().size());
    }

    @Test
    void randomHeadersAndFramesHarmNobody() {
        int arrived = 0;
        for (int i = 0; i < 20_000; i++) {
            final long mark = sender.mark();
            final Packet packet = Packet.random(random, random.nextBoolean(), random.nextBoolean() ? Packet.TCP : Packet.UDP, BROADCAST,
                random.nextInt(2000));
            final int type = new int[] {0, OffloadTest.TCPV4, OffloadTest.UDP, OffloadTest.TCPV6}[random.nextInt(4)];
            final byte[] header = OffloadTest.header(packet, type, 1 + random.nextInt(1000));
            final byte[] frame = packet.frame;
            for (int changes = random.nextInt(4); changes > 0; changes--) {
                final byte[] changed = random.nextBoolean() ? header : frame;
                changed[random.nextInt(Math.min(changed.length, 120))] = (byte) random.nextInt(256);
            }
            sender.send(header, Arrays.copyOf(frame, random.nextInt(10) == 0 ? 14 + random.nextInt(frame.length - 14) : frame.length));
            run();
            assertEquals(1, sender.reap());
            sender.release(mark);
            arrived += all.received().size() + none.received().size();
        }
        assertTrue(arrived > 20_000, "so many arrived: " + arrived);
        assertTrue(sender.port.statistics().drops().get(DropReason.BAD_OFFLOAD) > 1000);
        assertNull(sender.port.failure());
    }

    @Test
    void headersThatChangeUnderTheSwitchHarmNobody() throws InterruptedException {
        final AtomicBoolean ending = new AtomicBoolean();
        final Packet packet = packet(true, Packet.TCP);
        final byte[] header = OffloadTest.header(packet, OffloadTest.TCPV6, 100);
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
