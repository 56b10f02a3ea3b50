package io.ringbridge.datapath;

import io.ringbridge.datapath.packet.MacAddress;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Packets with offloaded checksums and segmentation over taps and the kernel's bridge, from guests and the kernel. */
@Timeout(20)
class TapOffloadTest {
    private static final int MTU = 9000;
    private static final long RECEIVER = Features.of(Features.VERSION_1, Features.INDIRECT_DESC, Features.MRG_RXBUF);
    private static final byte[] ONE_TO_TWO = Arrays.copyOf(Frames.ethernet(2, 1, 14), 12);

    private final SplittableRandom random = new SplittableRandom(7);
    private final Datapath left = Datapath.stepped(DatapathOptions.DEFAULT, System::nanoTime);
    private final Datapath right = Datapath.stepped(
        new DatapathOptions(2, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5)), System::nanoTime);
    private final List<AutoCloseable> open = new ArrayList<>();
    private Namespace namespace;
    private UplinkPort leftTap;
    private UplinkPort rightTap;
    private TestGuest a;
    private TestGuest b;

    @BeforeEach
    void connect() {
        namespace = Namespace.create();
        namespace.in("ip", "link", "add", "br0", "mtu", "9000", "up", "type", "bridge");
        leftTap = namespace.bridgedPort(left, "left", MTU, null, open);
        rightTap = namespace.bridgedPort(right, "right", MTU, null, open);
    }

    private TestGuest guest(final Datapath datapath, final String name, final long features) {
        final TestGuest guest = new TestGuest(datapath.addGuestPort(name, 1, 65535), features, 512, 2048).start();
        open.add(guest);
        return guest;
    }

    private void guests(final long sender, final long receiver) {
        a = guest(left, "a", sender);
        b = guest(right, "b", receiver);
        a.send(Frames.broadcast(1, 60));
        assertEquals(1, await(b, 1).size());
        b.send(Frames.broadcast(2, 60));
        assertEquals(1, await(a, 1).size());
        a.reap();
        b.reap();
    }

    @AfterEach
    void disconnect() throws Exception {
        settle(); // a tap is released once its frames are returned, which needs duty cycles
        for (final AutoCloseable closeable : open.reversed()) {
            closeable.close();
        }
        left.close();
        right.close();
        if (namespace != null) {
            namespace.close();
        }
    }

    private List<TestGuest.Received> await(final TestGuest guest, final int count) {
        return await(guest, count, frame -> frame[6] == 0x52 && frame[7] == 0x54);
    }

    /** Steps both switches until a guest has received a number of matching frames and no frame is in flight. */
    private List<TestGuest.Received> await(final TestGuest guest, final int count, final Predicate<byte[]> wanted) {
        final List<TestGuest.Received> received = new ArrayList<>();
        until(() -> {
            guest.receivedWithHeaders().stream().filter(got -> wanted.test(got.frame)).forEach(received::add);
            return received.size() >= count;
        });
        return received;
    }

    private void until(final BooleanSupplier condition) {
        while (!condition.getAsBoolean()) {
            if (Thread.interrupted()) {
                throw new IllegalStateException("the test timed out; left " + leftTap.statistics() + ", right "
                    + rightTap.statistics());
            }
            left.step();
            right.step();
        }
    }

    private void settle() {
        while (left.step() + right.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private void send(final byte[] header, final Packet packet) {
        final long mark = a.mark();
        final int cut = 1 + random.nextInt(packet.frame.length);
        a.send(header, packet.frame, random.nextBoolean() ? new int[0] : new int[] {cut});
        left.step();
        assertEquals(1, a.reap());
        a.release(mark);
    }

    /** Returns a packet that the kernel passes on whole: none of its headers prevents offloading. */
    private Packet packet(final boolean ipv6, final int protocol, final int data) {
        Packet packet = Packet.random(random, ipv6, protocol, ONE_TO_TWO, data);
        while (packet.network > 18 || packet.transport > packet.network + (ipv6 ? 40 : 20)) {
            packet = Packet.random(random, ipv6, protocol, ONE_TO_TWO, data);
        }
        return packet;
    }

    private static void assertFrames(final List<byte[]> expected, final List<TestGuest.Received> received,
                                     final String what) {
        assertEquals(expected.size(), received.size(), what);
        for (int i = 0; i < expected.size(); i++) {
            assertArrayEquals(expected.get(i), received.get(i).frame, what + ", frame " + i);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void segmentsReachAGuestThatTakesNone(final boolean packed) {
        final long layout = packed ? Features.of(Features.RING_PACKED) : 0;
        guests(Offloads.SENDER | layout, RECEIVER | layout);
        for (int i = 0; i < 60; i++) {
            final boolean ipv6 = random.nextBoolean();
            final int size = 100 + random.nextInt(1300);
            final Packet packet = packet(ipv6, Packet.TCP, 1 + random.nextInt(20 * size));
            send(Offloads.header(packet, ipv6 ? Offloads.TCPV6 : Offloads.TCPV4, size), packet);
            final List<byte[]> expected = packet.segments(size, false);
            final List<TestGuest.Received> received = await(b, expected.size());
            assertFrames(expected, received, "packet " + i + " of segments of " + size);
            received.forEach(segment -> assertArrayEquals(new byte[10], Arrays.copyOf(segment.header, 10)));
        }
        assertTrue(rightTap.statistics().inFrames() < 200, "the kernel passes most packets on whole");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void packetsStayWholeForAGuestThatTakesThem(final boolean packed) {
        final long layout = packed ? Features.of(Features.RING_PACKED) : 0;
        guests(Offloads.SENDER | layout, RECEIVER | layout | Offloads.TAKES_ALL);
        for (int i = 0; i < 60; i++) {
            final boolean ipv6 = random.nextBoolean();
            final Packet packet = packet(ipv6, Packet.TCP, 1500 + random.nextInt(60_000));
            final int ecn = random.nextBoolean() ? Offloads.ECN : 0;
            final byte[] header = Offloads.header(packet, (ipv6 ? Offloads.TCPV6 : Offloads.TCPV4) | ecn,
                1400);
            send(header, packet);
            final List<TestGuest.Received> received = await(b, 1);
            assertFrames(List.of(packet.frame), received, "packet " + i);
            assertArrayEquals(Arrays.copyOf(header, 10), Arrays.copyOf(received.getFirst().header, 10), "header " + i);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void checksumsArePassedOnOrCompleted(final boolean taken) {
        guests(Offloads.SENDER, RECEIVER | (taken ? Offloads.TAKES_CSUM : 0));
        for (int i = 0; i < 60; i++) {
            final Packet packet = packet(random.nextBoolean(), random.nextBoolean() ? Packet.UDP : Packet.TCP,
                random.nextInt(1300));
            send(Offloads.header(packet, 0, 0), packet);
            final TestGuest.Received received = await(b, 1).getFirst();
            assertEquals(taken ? 1 : 0, received.header[0]);
            assertArrayEquals((taken ? packet : packet.complete()).frame, received.frame, "packet " + i);
        }
    }

    /** The kernel refuses headers with wrong hints, and some checksums. The frame still arrives. */
    @Test
    void hintsAndSmallSegmentsCostNoFrame() {
        guests(Offloads.SENDER, RECEIVER | Offloads.TAKES_ALL);
        for (final int hint : new int[] {0, 14, 54, 60_000, 65_535}) {
            for (final int size : new int[] {88, 117, 1448}) {
                final Packet packet = packet(false, Packet.TCP, 50_000);
                send(Offloads.header(Offloads.TCPV4, hint, size, packet.transport, 16, 9), packet);
                assertFrames(List.of(packet.frame), await(b, 1), "hint " + hint + ", segments of " + size);
            }
        }
        final byte[] frame = Frames.ethernet(2, 1, 80);
        a.send(Offloads.header(0, 9999, 7, 14, 2, 0), frame);
        final byte[] got = await(b, 1).getFirst().frame;
        int sum = 0;
        for (int i = 14; i < frame.length; i += 2) {
            sum += (got[i] & 0xFF) << 8 | got[i + 1] & 0xFF;
        }
        sum = (sum & 0xFFFF) + (sum >> 16);
        final int was = (frame[16] & 0xFF) << 8 | frame[17] & 0xFF;
        assertEquals(0xFFFF - was, (sum & 0xFFFF) + (sum >> 16), "the checksum covers the former content of its field");
        a.reap();
        assertEquals(Map.of(), leftTap.statistics().drops());
        assertEquals(Map.of(), a.port.statistics().drops());
    }

    @Test
    void datagramsAreFragmentedByTheKernel() {
        guests(Offloads.SENDER, RECEIVER);
        for (int i = 0; i < 30; i++) {
            final int size = 100 + random.nextInt(1300);
            final Packet packet = packet(false, Packet.UDP, 1 + random.nextInt(10 * size));
            send(Offloads.header(packet, Offloads.UDP, size), packet);
            final List<byte[]> expected = packet.fragments(size, 0);
            assertFrames(expected, await(b, expected.size()), "packet " + i + " of fragments of " + size);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aDatagramOfTheKernelHasItsChecksum(final boolean taken) {
        guests(Offloads.SENDER | (taken ? Offloads.TAKES_CSUM : 0), RECEIVER);
        namespace.in("ip", "addr", "add", "10.79.0.1/24", "dev", "br0");
        namespace.in("ip", "neigh", "replace", "10.79.0.2", "lladdr", "52:54:00:00:00:01", "dev", "br0", "nud",
            "permanent");
        namespace.in("bash", "-c", "printf '%01000d' 7 > /dev/udp/10.79.0.2/9");
        final TestGuest.Received received =
            await(a, 1, frame -> frame[5] == 1 && frame[12] == 8 && frame[13] == 0).getFirst();
        final Packet packet = new Packet(received.frame);
        assertEquals(Packet.UDP, packet.protocol);
        assertEquals(taken ? 1 : 0, received.header[0]);
        (taken ? packet.complete() : packet).assertChecksums();
    }

    @Test
    void framesOverTheMtuOfTheTapAreDropped() {
        guests(Offloads.SENDER, RECEIVER);
        leftTap.mtu(1500);
        a.send(Frames.ethernet(2, 1, 1515));
        settle();
        assertEquals(1L, leftTap.statistics().drops().get(DropReason.MTU_EXCEEDED));
        a.reap();
        final byte[] fits = Frames.ethernet(2, 1, 1514);
        a.send(fits);
        assertFrames(List.of(fits), await(b, 1), "a frame that just fits");
        a.reap();
        final Packet packet = packet(false, Packet.TCP, 8000);
        final int size = 1500 + packet.network - packet.payload;
        send(Offloads.header(packet, Offloads.TCPV4, size + 1), packet);
        settle();
        assertEquals(2L, leftTap.statistics().drops().get(DropReason.MTU_EXCEEDED));
        send(Offloads.header(packet, Offloads.TCPV4, size), packet);
        final List<byte[]> expected = packet.segments(size, false);
        assertFrames(expected, await(b, expected.size()), "segments that just fit");
    }

    @Test
    void announcementsGoOut() {
        guests(TestGuest.FEATURES, TestGuest.FEATURES);
        a.port.stations().announce(MacAddress.parse("52:54:00:00:00:09"));
        final byte[] heard = await(b, 1).getFirst().frame;
        assertArrayEquals(new byte[] {0x52, 0x54, 0, 0, 0, 9, (byte) 0x80, 0x35}, Arrays.copyOfRange(heard, 6, 14));
        b.send(Frames.ethernet(9, 2, 60));
        assertEquals(1, await(a, 1).size());
    }

    @Test
    void aQueueOfATapMovesToAnotherWorker() {
        guests(TestGuest.FEATURES, TestGuest.FEATURES);
        final TestGuest c = guest(right, "c", TestGuest.FEATURES);
        final int before = rightTap.queues().getFirst().worker();
        assertTrue(b.port.queues().getFirst().worker() != before);
        assertEquals(before, c.port.queues().getFirst().worker());
        open.remove(b);
        right.remove(b.port);
        b.close();
        right.balance();
        assertTrue(rightTap.queues().getFirst().worker() != before, "the queue that was moved longest ago moves next");
        c.send(Frames.ethernet(1, 3, 60));
        assertEquals(1, await(a, 1).size());
        a.send(Frames.ethernet(3, 1, 60));
        assertEquals(1, await(c, 1).size());
        assertEquals(1, c.reap());
    }
}
