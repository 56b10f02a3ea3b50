package io.ringbridge.datapath;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.packet.Segmenter;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

import static io.ringbridge.datapath.Offloads.ECN;
import static io.ringbridge.datapath.Offloads.SENDER;
import static io.ringbridge.datapath.Offloads.TAKES_ALL;
import static io.ringbridge.datapath.Offloads.TAKES_CSUM;
import static io.ringbridge.datapath.Offloads.TCPV4;
import static io.ringbridge.datapath.Offloads.TCPV6;
import static io.ringbridge.datapath.Offloads.UDP;
import static io.ringbridge.datapath.Offloads.header;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Packets whose sender offloads checksums and segmentation, for receivers with all kinds of negotiated features. */
class OffloadTest extends OffloadFixture {
    private static byte[] partial(final Packet packet) {
        return header(0, 0, 0, packet.transport, packet.checksumAt() - packet.transport, 0);
    }

    @ParameterizedTest
    @MethodSource("rings")
    void tcpIsCutForAReceiverThatDoesNotTakeItWhole(final long layout, final long shape, final int bufferLength) {
        final TestGuest a = guest(65535, SENDER | layout, 2048);
        for (final long takes : new long[] {0, TAKES_CSUM, TAKES_CSUM | Features.of(Features.GUEST_UFO)}) {
            final TestGuest b = guest(9000, shape | layout | takes, bufferLength);
            know(a, b);
            for (int i = 0; i < 60; i++) {
                final boolean ipv6 = random.nextBoolean();
                final int size = 1 + random.nextInt(1448);
                final Packet packet = packet(ipv6, Packet.TCP, random.nextInt(Math.min(20 * size, 20_000)));
                send(a, header(packet, ipv6 ? TCPV6 : TCPV4, size), packet.frame);
                final List<byte[]> expected = packet.segments(size, takes != 0);
                assertReceives(b, takes == 0 ? PLAIN : partial(packet), expected,
                    "packet " + i + " of segments of " + size);
                if (takes == 0) {
                    expected.forEach(segment -> new Packet(segment).assertChecksums());
                }
            }
            datapath.remove(b.port);
        }
    }

    @ParameterizedTest
    @MethodSource("rings")
    void udpIsFragmentedForAReceiverThatDoesNotTakeItWhole(final long layout, final long shape,
                                                           final int bufferLength) {
        final TestGuest a = guest(65535, SENDER | layout, 2048);
        for (final long takes : new long[] {0, TAKES_CSUM, TAKES_ALL & ~Features.of(Features.GUEST_UFO)}) {
            final TestGuest b = guest(9000, shape | layout | takes, bufferLength);
            know(a, b);
            for (int i = 0; i < 60; i++) {
                final boolean ipv6 = random.nextBoolean();
                final int size = 8 + random.nextInt(1472);
                final Packet packet = packet(ipv6, Packet.UDP, random.nextInt(Math.min(20 * size, 20_000)));
                send(a, header(packet, UDP, size), packet.frame);
                final List<TestGuest.Received> received = b.receivedWithHeaders();
                final Packet first = new Packet(received.getFirst().frame);
                final List<byte[]> expected =
                    packet.fragments(size, ipv6 && received.size() > 1 ? first.identification() : 0);
                assertEquals(expected.size(), received.size());
                for (int k = 0; k < expected.size(); k++) {
                    assertArrayEquals(Arrays.copyOf(PLAIN, 10), Arrays.copyOf(received.get(k).header, 10));
                    assertArrayEquals(expected.get(k), received.get(k).frame,
                        "packet " + i + ", fragment " + k + " of " + size);
                }
            }
            datapath.remove(b.port);
        }
    }

    @ParameterizedTest
    @MethodSource("rings")
    void everythingGoesWholeToAReceiverThatTakesIt(final long layout, final long shape, final int bufferLength) {
        final TestGuest a = guest(65535, SENDER | layout, 2048);
        final TestGuest b = guest(1500, shape | layout | TAKES_ALL, bufferLength);
        know(a, b);
        for (int i = 0; i < 100; i++) {
            final boolean ipv6 = random.nextBoolean();
            final boolean udp = random.nextInt(4) == 0;
            final int type = udp ? UDP : (ipv6 ? TCPV6 : TCPV4) | (random.nextBoolean() ? ECN : 0);
            final Packet packet = packet(ipv6, udp ? Packet.UDP : Packet.TCP, 1500 + random.nextInt(63_500));
            final byte[] header = header(packet, type, 1000);
            send(a, header, packet.frame);
            assertReceives(b, header, List.of(packet.frame), "packet " + i);
        }
        assertEquals(0, b.port.statistics().drops().size());
    }

    @ParameterizedTest
    @MethodSource("rings")
    void partialChecksumIsPassedOnOrCompleted(final long layout, final long shape, final int bufferLength) {
        final TestGuest a = guest(65535, SENDER | layout, 2048);
        for (final long takes : new long[] {0, TAKES_CSUM}) {
            final TestGuest b = guest(9000, shape | layout | takes, bufferLength);
            know(a, b);
            for (int i = 0; i < 100; i++) {
                final Packet packet = packet(random.nextBoolean(), random.nextBoolean() ? Packet.TCP : Packet.UDP,
                    random.nextInt(1400));
                send(a, header(packet, 0, random.nextInt(100)), packet.frame);
                final Packet arrives = takes == 0 ? packet.complete() : packet;
                assertReceives(b, takes == 0 ? PLAIN : partial(packet), List.of(arrives.frame), "packet " + i);
                if (takes == 0) {
                    arrives.assertChecksums();
                }
            }
            datapath.remove(b.port);
        }
    }

    @Test
    void onlyTheFirstSegmentCarriesCwr() {
        final TestGuest a = guest(1500, SENDER, 2048);
        final TestGuest b = guest(1500, VERSION_1 | MERGEABLE | TAKES_ALL & ~Features.of(Features.GUEST_ECN), 2048);
        know(a, b);
        for (final boolean ipv6 : new boolean[] {false, true}) {
            final Packet packet = packet(ipv6, Packet.TCP, 3000);
            packet.frame[packet.transport + 13] |= (byte) (Packet.CWR | Packet.FIN_PSH);
            send(a, header(packet, (ipv6 ? TCPV6 : TCPV4) | ECN, 1000), packet.frame);
            final List<TestGuest.Received> received = b.receivedWithHeaders();
            assertEquals(3, received.size());
            for (int i = 0; i < 3; i++) {
                final int flags = received.get(i).frame[packet.transport + 13];
                assertEquals(i == 0, (flags & Packet.CWR) != 0, "CWR of segment " + i);
                assertEquals(i == 2 ? Packet.FIN_PSH : 0, flags & Packet.FIN_PSH, "FIN and PSH of segment " + i);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("rings")
    void aFloodServesEachReceiverAsNegotiated(final long layout, final long shape, final int bufferLength) {
        final TestGuest a = guest(1500, SENDER | layout, 2048);
        final TestGuest all = guest(1500, shape | layout | TAKES_ALL, bufferLength);
        final TestGuest checksums = guest(1500, VERSION_1 | MERGEABLE | TAKES_CSUM, 2048);
        final TestGuest none = guest(1500, shape, 65_600);
        for (int i = 0; i < 20; i++) {
            final boolean ipv6 = random.nextBoolean();
            final Packet packet = packet(ipv6, Packet.TCP, 5000);
            final byte[] header = header(packet, ipv6 ? TCPV6 : TCPV4, 900);
            send(a, header, packet.frame);
            assertReceives(all, header, List.of(packet.frame), "whole");
            assertReceives(checksums, partial(packet), packet.segments(900, true), "partial");
            assertReceives(none, PLAIN, packet.segments(900, false), "complete");
        }
    }

    @Test
    void chainsOfPagesTakeFramesWhole() {
        final TestGuest a = guest(1500, SENDER, 2048);
        final TestGuest b = guest(1500, VERSION_1 | TAKES_ALL, 2048);
        know(a, b);
        b.port.stopRing(0);
        final TestGuest.Queue queue = b.receive.set(0, b.new Queue(0, 256));
        final TestGuest.Queue fresh = b.receive.getFirst();
        final long memory = b.allocate(12 + 17L * 4096, 64);
        final Segments pages = new Segments();
        pages.add(b.guest(memory), 12);
        for (int i = 0; i < 17; i++) {
            pages.add(b.guest(memory + 12 + 4096L * i), 4096);
        }
        fresh.ring.add(pages, true);
        fresh.ring.publish();
        fresh.start();
        final Packet packet = packet(true, Packet.TCP, 65_000);
        final byte[] header = header(packet, TCPV6, 1000);
        send(a, header, packet.frame);
        assertTrue(fresh.ring.poll() >= 0);
        assertEquals(12 + packet.frame.length, fresh.ring.usedLength());
        final byte[] got = new byte[12 + packet.frame.length];
        Memory.copy(memory, got, 0, got.length);
        header[10] = 1;
        assertArrayEquals(header, Arrays.copyOf(got, 12));
        assertArrayEquals(packet.frame, Arrays.copyOfRange(got, 12, got.length));
        queue.close();
    }

    @Test
    void offloadedFramesCrossWorkers() {
        datapath.close();
        datapath = Datapath.stepped(new DatapathOptions(2, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5)),
            System::nanoTime);
        final TestGuest a = guest(1500, SENDER, 2048);
        final TestGuest b = guest(1500, VERSION_1 | MERGEABLE, 2048);
        final TestGuest c = guest(1500, VERSION_1 | MERGEABLE | TAKES_ALL, 2048);
        final TestGuest d = guest(1500, VERSION_1 | MERGEABLE | TAKES_ALL, 2048);
        know(a, b, c, d);
        for (int i = 0; i < 50; i++) {
            final boolean ipv6 = random.nextBoolean();
            final Packet packet = packet(ipv6, Packet.TCP, 1000 + random.nextInt(4000));
            final byte[] header = header(packet, ipv6 ? TCPV6 : TCPV4, 700);
            send(a, header, packet.frame);
            assertReceives(b, PLAIN, packet.segments(700, false), "to one");
            packet.frame[5] = 99;
            send(a, header, packet.frame);
            assertReceives(b, PLAIN, packet.segments(700, false), "to all");
            assertReceives(c, header, List.of(packet.frame), "to all");
            assertReceives(d, header, List.of(packet.frame), "to all");
        }
    }

    @Test
    void plainFramesOfAnOffloadingSenderStayPlain() {
        final TestGuest a = guest(1500, SENDER, 2048);
        final TestGuest b = guest(1500, VERSION_1 | MERGEABLE | TAKES_ALL, 2048);
        know(a, b);
        final byte[] header = header(0, 40_000, 5, 60_000, 60_000, 7);
        header[0] = 2;
        for (int i = 0; i < 40; i++) {
            final byte[] frame = Frames.ethernet(2, 1, 60 + i);
            send(a, header, frame);
            assertReceives(b, PLAIN, List.of(frame), "a header whose flags request nothing");
        }
    }

    @Test
    void plainAndOffloadedFramesMixInABurst() {
        final TestGuest a = guest(1500, SENDER, 2048);
        final TestGuest b = guest(1500, VERSION_1 | MERGEABLE | TAKES_CSUM, 2048);
        know(a, b);
        final List<byte[]> headers = new ArrayList<>();
        final List<byte[]> frames = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            final Packet packet = packet(false, Packet.TCP, random.nextInt(1000));
            switch (random.nextInt(3)) {
                case 0 -> {
                    a.send(PLAIN, packet.frame);
                    headers.add(PLAIN);
                    frames.add(packet.frame);
                }
                case 1 -> {
                    a.send(header(packet, 0, 0), packet.frame);
                    headers.add(partial(packet));
                    frames.add(packet.frame);
                }
                default -> {
                    a.send(header(packet, TCPV4, 700), packet.frame);
                    for (final byte[] segment : packet.segments(700, true)) {
                        headers.add(partial(packet));
                        frames.add(segment);
                    }
                }
            }
        }
        run();
        final List<TestGuest.Received> received = b.receivedWithHeaders();
        assertEquals(frames.size(), received.size());
        for (int i = 0; i < frames.size(); i++) {
            assertArrayEquals(frames.get(i), received.get(i).frame);
            assertArrayEquals(Arrays.copyOf(headers.get(i), 10), Arrays.copyOf(received.get(i).header, 10));
        }
        assertEquals(frames.size(), b.port.statistics().outFrames() - 1);
    }

    @Test
    void headersOfASenderWithoutOffloadsAreIgnored() {
        final TestGuest a = guest(1500, VERSION_1, 2048);
        final TestGuest b = guest(1500, VERSION_1 | MERGEABLE | TAKES_ALL, 2048);
        know(a, b);
        final byte[] frame = Frames.ethernet(2, 1, 200);
        send(a, header(TCPV4, 9999, 0, 9999, 9999, 0), frame);
        assertReceives(b, PLAIN, List.of(frame), "a header without meaning");
    }

    @Test
    void jumboFramesAndTheMtu() {
        final TestGuest a = guest(65535, SENDER, 2048);
        final TestGuest b = guest(9000, VERSION_1 | MERGEABLE, 2048);
        know(a, b);
        for (final int tags : new int[] {0, 1, 2}) {
            final byte[] fits = Frames.ethernet(2, 1, 9014 + 4 * tags);
            final byte[] over = Frames.ethernet(2, 1, 9015 + 4 * tags);
            for (int i = 0; i < tags; i++) {
                fits[12 + 4 * i] = over[12 + 4 * i] = (byte) 0x81;
                fits[13 + 4 * i] = over[13 + 4 * i] = 0;
            }
            send(a, PLAIN, fits);
            assertReceives(b, PLAIN, List.of(fits), "tags: " + tags);
            send(a, PLAIN, over);
            assertEquals(0, b.received().size());
            assertEquals(tags + 1L, b.port.statistics().drops().get(DropReason.MTU_EXCEEDED));
        }
    }

    @Test
    void segmentsHaveToFitTheMtu() {
        final TestGuest a = guest(65535, SENDER, 2048);
        final TestGuest whole = guest(1500, VERSION_1 | MERGEABLE | TAKES_ALL, 2048);
        final TestGuest cut = guest(1500, VERSION_1 | MERGEABLE, 2048);
        long dropped = 0;
        for (int i = 0; i < 50; i++) {
            final boolean udp = random.nextBoolean();
            final boolean ipv6 = random.nextBoolean();
            final Packet packet = packet(ipv6, udp ? Packet.UDP : Packet.TCP, 4000);
            final int headers = udp ? packet.transport + (ipv6 ? 8 : 0) : packet.payload;
            final int longest = 1500 + packet.network - headers;
            final int size = udp ? longest & -8 : longest;
            for (final int over : new int[] {0, udp ? 8 : 1}) {
                send(a, header(packet, udp ? UDP : ipv6 ? TCPV6 : TCPV4, size + over), packet.frame);
                dropped += over > 0 ? 1 : 0;
                assertEquals(over > 0 ? 0 : 1, whole.received().size());
                assertEquals(over > 0, cut.received().isEmpty());
                assertEquals(dropped, cut.port.statistics().drops().getOrDefault(DropReason.MTU_EXCEEDED, 0L));
                assertEquals(dropped, whole.port.statistics().drops().getOrDefault(DropReason.MTU_EXCEEDED, 0L));
            }
        }
    }

    /**
     * A receiver that accepts whole packets gets them whatever the size of their segments. Other receivers get segments
     * up to a limit.
     */
    @ParameterizedTest
    @ValueSource(ints = {1, 7, 88, 116, 117, 118, 536})
    void anySegmentSizeMayBeAskedFor(final int size) {
        final TestGuest a = guest(65535, SENDER, 2048);
        final TestGuest whole = guest(1500, VERSION_1 | MERGEABLE | TAKES_ALL, 2048);
        final TestGuest cut = guest(1500, VERSION_1 | MERGEABLE, 2048);
        final TestGuest partial = guest(1500, VERSION_1 | MERGEABLE | TAKES_CSUM, 2048);
        for (final boolean ipv6 : new boolean[] {false, true}) {
            final Packet packet = packet(ipv6, Packet.TCP, 60_000);
            packet.frame[5] = 99;
            final byte[] header = header(packet, ipv6 ? TCPV6 : TCPV4, size);
            send(a, header, packet.frame);
            assertReceives(whole, header, List.of(packet.frame), "whole");
            final int most = Math.min(Segmenter.MAX_SEGMENTS, packet.segments(size, false).size());
            assertReceives(cut, PLAIN, packet.segments(size, false).subList(0, most), "cut");
            assertReceives(partial, partial(packet), packet.segments(size, true).subList(0, most), "partial");
        }
        final boolean tooMany = size * Segmenter.MAX_SEGMENTS < 60_000;
        final Map<DropReason, Long> limited = tooMany ? Map.of(DropReason.SEGMENT_LIMIT, 2L) : Map.of();
        assertEquals(limited, cut.port.statistics().drops());
        assertEquals(limited, partial.port.statistics().drops());
        assertEquals(Map.of(), whole.port.statistics().drops());
        assertEquals(Map.of(), a.port.statistics().drops());
    }

    /** A datagram is useless without its last fragment, so one that needs too many is not fragmented at all. */
    @ParameterizedTest
    @ValueSource(ints = {1, 8, 15, 16})
    void anyFragmentSizeMayBeRequested(final int size) {
        final TestGuest a = guest(65535, SENDER, 2048);
        final TestGuest whole = guest(1500, VERSION_1 | MERGEABLE | TAKES_ALL, 2048);
        final TestGuest cut = guest(1500, VERSION_1 | MERGEABLE, 2048);
        final int unit = Math.max(8, size & -8);
        final Packet fits = packet(false, Packet.UDP, unit * Segmenter.MAX_SEGMENTS - 8);
        final Packet over = packet(false, Packet.UDP, unit * Segmenter.MAX_SEGMENTS - 7);
        for (final Packet packet : List.of(fits, over)) {
            packet.frame[5] = 99;
            send(a, header(packet, UDP, size), packet.frame);
            assertReceives(whole, header(packet, UDP, unit), List.of(packet.frame), "whole");
            assertReceives(cut, PLAIN, packet == fits ? packet.fragments(unit, 0) : List.of(), "cut");
        }
        assertEquals(Map.of(DropReason.SEGMENT_LIMIT, 1L), cut.port.statistics().drops());
        assertEquals(Map.of(), a.port.statistics().drops());
    }

    @Test
    void aReceiverWithoutRoomGetsTheFirstSegments() {
        final TestGuest a = guest(1500, SENDER, 2048);
        final TestGuest b = guest(1500, VERSION_1, 65_600);
        know(a, b);
        final Packet packet = packet(false, Packet.TCP, 10_000);
        send(a, header(packet, TCPV4, 100), packet.frame);
        assertReceives(b, PLAIN, packet.segments(100, false).subList(0, 64), "as many as there are buffers");
        assertEquals(1L, b.port.statistics().drops().get(DropReason.NO_BUFFER));
    }
}
