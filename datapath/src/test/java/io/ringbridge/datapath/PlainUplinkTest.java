package io.ringbridge.datapath;

import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.packet.Segmenter;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.port.UplinkQueue;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** An uplink without offloads receives frames as they appear on a wire, and delivers such frames. */
class PlainUplinkTest {
    private static final byte[] ONE_TO_TWO = Arrays.copyOf(Frames.ethernet(2, 1, 14), 12);
    private static final long BARE = Features.of(Features.VERSION_1, Features.INDIRECT_DESC);

    private static final int DATAGRAMS = 5;

    private final SplittableRandom random = new SplittableRandom(11);
    private final Datapath datapath = Datapath.stepped(DatapathOptions.DEFAULT, new Wire.Clock()::nanos);
    private final Wire wire = new Wire();
    private final UplinkPort uplink = datapath.addUplinkPort("up", 1, 9000);
    private TestGuest guest;

    @AfterEach
    void close() {
        if (guest != null) {
            guest.close();
        }
        uplink.detach();
        datapath.close();
        wire.close();
    }

    private void begin(final long features) {
        uplink.attach(List.of(wire), true);
        guest = new TestGuest(datapath.addGuestPort("a", 1, 65535), features, 512, 2048).start();
    }

    private void run() {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private List<byte[]> send(final byte[] header, final byte[] frame) {
        final long mark = guest.mark();
        final int cut = 1 + random.nextInt(frame.length);
        wire.written.clear();
        guest.send(header, frame, random.nextBoolean() ? new int[0] : new int[] {cut, cut + random.nextInt(11)});
        run();
        assertEquals(1, guest.reap());
        guest.release(mark);
        return wire.written;
    }

    private static void assertFrames(final List<byte[]> expected, final List<byte[]> written, final String what) {
        assertEquals(expected.size(), written.size(), what);
        for (int i = 0; i < expected.size(); i++) {
            assertArrayEquals(expected.get(i), written.get(i), what + ", frame " + i);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void tcpIsCutAndItsChecksumsAreRight(final boolean packed) {
        begin(Offloads.SENDER | (packed ? Features.of(Features.RING_PACKED) : 0));
        long frames = 0;
        for (int i = 0; i < 100; i++) {
            final boolean ipv6 = random.nextBoolean();
            final int size = 1 + random.nextInt(1448);
            final Packet packet = Packet.random(random, ipv6, Packet.TCP, ONE_TO_TWO,
                random.nextInt(Math.min(20 * size, 20_000)));
            final List<byte[]> expected = packet.segments(size, false);
            assertFrames(expected,
                send(Offloads.header(packet, ipv6 ? Offloads.TCPV6 : Offloads.TCPV4, size), packet.frame),
                "packet " + i + " of segments of " + size);
            wire.written.forEach(segment -> new Packet(segment).assertChecksums());
            frames += expected.size();
        }
        assertEquals(frames, uplink.statistics().outFrames());
        assertEquals(100, wire.flushes, "one flush per burst");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void datagramsAreFragmented(final boolean packed) {
        begin(Offloads.SENDER | (packed ? Features.of(Features.RING_PACKED) : 0));
        for (int i = 0; i < 100; i++) {
            final boolean ipv6 = random.nextBoolean();
            final int size = 8 + random.nextInt(1472);
            final Packet packet = Packet.random(random, ipv6, Packet.UDP, ONE_TO_TWO,
                random.nextInt(Math.min(20 * size, 20_000)));
            final List<byte[]> written = send(Offloads.header(packet, Offloads.UDP, size), packet.frame);
            final Packet first = new Packet(written.getFirst());
            assertFrames(packet.fragments(size, ipv6 && written.size() > 1 ? first.identification() : 0), written,
                "packet " + i + " of fragments of " + size);
        }
    }

    @Test
    void framesAreCutUpToALimitAndHintsCostNone() {
        begin(Offloads.SENDER);
        final Packet packet = Packet.random(random, false, Packet.TCP, ONE_TO_TWO, 60_000);
        final byte[] header = Offloads.header(packet, Offloads.TCPV4, 88);
        header[2] = (byte) 0xFF;
        header[3] = (byte) 0xFF;
        final List<byte[]> first = packet.segments(88, false).subList(0, Segmenter.MAX_SEGMENTS);
        assertFrames(first, send(header, packet.frame), "small segments");
        assertEquals(Map.of(DropReason.SEGMENT_LIMIT, 1L), uplink.statistics().drops());
        assertEquals(Segmenter.MAX_SEGMENTS, uplink.statistics().outFrames());
        assertEquals(Map.of(), guest.port.statistics().drops());
    }

    @Test
    void theSwitchPerformsOffloadsThatTheDeviceRefuses() {
        wire.offloads = true;
        wire.refusesRequests = true;
        begin(Offloads.SENDER);
        final Packet packet = Packet.random(random, true, Packet.TCP, ONE_TO_TWO, 5000);
        final byte[] segments = Offloads.header(packet, Offloads.TCPV6, 1000);
        assertFrames(packet.segments(1000, false), send(segments, packet.frame), "segments");
        final byte[] checksum = Offloads.header(packet, 0, 0);
        assertFrames(List.of(packet.complete().frame), send(checksum, packet.frame), "a checksum");
        assertEquals(Map.of(), uplink.statistics().drops());
    }

    /** The kernel requests segmentation into datagrams (USO), which no guest accepts. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void datagramsOfTheKernelAreCut(final boolean takesChecksums) {
        begin(BARE | Features.of(Features.MRG_RXBUF) | (takesChecksums ? Offloads.TAKES_ALL : 0));
        for (int i = 0; i < 50; i++) {
            final byte[] toAll = Arrays.copyOf(Frames.broadcast(2, 14), 12);
            final int data = 1 + random.nextInt(20_000);
            final Packet packet = Packet.random(random, random.nextBoolean(), Packet.UDP, toAll, data);
            final int size = 100 + random.nextInt(1300);
            wire.header = Offloads.header(packet, DATAGRAMS, size);
            wire.given.add(packet.frame);
            run();
            final List<TestGuest.Received> received = guest.receivedWithHeaders();
            final List<byte[]> expected = packet.datagrams(size, takesChecksums);
            assertEquals(expected.size(), received.size());
            for (int k = 0; k < expected.size(); k++) {
                assertArrayEquals(expected.get(k), received.get(k).frame, "packet " + i + ", datagram " + k);
                assertEquals(takesChecksums ? 1 : 0, received.get(k).header[0]);
                assertEquals(0, received.get(k).header[1]);
            }
        }
        assertEquals(Map.of(), uplink.statistics().drops());
    }

    /** Segments inside a tunnel: the virtio-net header describes TCP, but the outer packet is UDP. */
    @Test
    void unsupportedRequestsOfTheKernelAreCountedAsUnfinished() {
        begin(BARE);
        final byte[] toAll = Arrays.copyOf(Frames.broadcast(2, 14), 12);
        final Packet packet = Packet.random(random, false, Packet.UDP, toAll, 3000);
        wire.header = Offloads.header(Offloads.TCPV4, 0, 1000, packet.transport + 50, 16, 0);
        wire.given.add(packet.frame);
        run();
        assertEquals(Map.of(DropReason.UNFINISHED, 1L), uplink.statistics().drops());
        assertTrue(guest.received().isEmpty());
    }

    @Test
    void checksumsAreCompletedAndPlainFramesLeftAlone() {
        begin(Offloads.SENDER);
        for (int i = 0; i < 100; i++) {
            final Packet packet = Packet.random(random, random.nextBoolean(),
                random.nextBoolean() ? Packet.UDP : Packet.TCP, ONE_TO_TWO,
                random.nextInt(1300));
            assertFrames(List.of(packet.complete().frame), send(Offloads.header(packet, 0, 0), packet.frame),
                "partial " + i);
            assertFrames(List.of(packet.frame), send(new byte[12], packet.frame), "plain " + i);
        }
    }

    @Test
    void framesOfAnUplinkEnterLikeThoseOfGuests() {
        begin(BARE);
        guest.send(Frames.broadcast(1, 60));
        run();
        for (int i = 0; i < 300; i++) {
            final byte[] frame = Frames.ethernet(1, 2, 60 + i);
            wire.given.add(frame);
            run();
            final List<byte[]> received = guest.received();
            assertEquals(1, received.size());
            assertArrayEquals(frame, received.getFirst());
        }
        wire.given.add(new byte[13]);
        run();
        assertEquals(Map.of(DropReason.SHORT_FRAME, 1L), uplink.statistics().drops());
    }

    @Test
    void refusedFramesAreCounted() {
        begin(Offloads.SENDER);
        final Packet packet = Packet.random(random, false, Packet.TCP, ONE_TO_TWO, 5000);
        wire.refusal = FrameDevice.AGAIN;
        assertTrue(send(Offloads.header(packet, Offloads.TCPV4, 1000), packet.frame).isEmpty());
        wire.refusal = FrameDevice.DOWN;
        assertTrue(send(new byte[12], Frames.ethernet(2, 1, 60)).isEmpty());
        assertEquals(Map.of(DropReason.NO_BUFFER, 1L, DropReason.LINK_DOWN, 1L), uplink.statistics().drops());
        uplink.lost(DropReason.OVERRUN, 3);
        assertEquals(3L, uplink.statistics().drops().get(DropReason.OVERRUN));
    }

    @Test
    void aReadOnlyUplinkIsNotAReceiver() {
        uplink.attach(List.of(wire), false);
        guest = new TestGuest(datapath.addGuestPort("a", 1, 1500), BARE, 512, 2048).start();
        wire.given.add(Frames.broadcast(2, 60));
        run();
        assertEquals(1, guest.received().size());
        assertTrue(send(new byte[12], Frames.ethernet(2, 1, 60)).isEmpty());
        assertEquals(Map.of(DropReason.NO_RECEIVER, 1L), guest.port.statistics().drops());
        assertEquals(PortState.RUNNING, uplink.state());
    }

    /** Frames that were read but found no room in the frame ring have left the device, so the successor needs them. */
    @Test
    void framesReadButNotTakenMoveWithAnUpgrade() {
        begin(BARE);
        for (int i = 0; i < 3; i++) {
            wire.given.add(Frames.ethernet(1, 2 + i, 60 + i));
        }
        uplink.suspend(SuspendCause.UPGRADE);
        assertEquals(0, uplink.receivers().length);
        run();
        assertEquals(3, wire.given.size(), "a suspended uplink is not read");
        assertEquals(List.of(List.of()), uplink.ready());
        final List<byte[]> ready = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            final byte[] frame = Frames.ethernet(1, 20 + i, 100 + i);
            final byte[] behindHeader = new byte[FrameDevice.HEADER + frame.length];
            System.arraycopy(frame, 0, behindHeader, FrameDevice.HEADER, frame.length);
            ready.add(behindHeader);
        }
        uplink.ready(List.of(ready));
        final List<byte[]> kept = uplink.ready().getFirst();
        assertEquals(3, kept.size());
        for (int i = 0; i < 3; i++) {
            assertArrayEquals(ready.get(i), kept.get(i));
        }
        uplink.resume(SuspendCause.UPGRADE);
        assertEquals(1, uplink.receivers().length);
        run();
        assertEquals(6, uplink.statistics().inFrames());
        assertEquals(3 * 101 + 3 * 61, uplink.statistics().inBytes(), "the ready frames are counted too");
    }

    @Test
    void readyFramesThatNoQueueCanHaveReadAreRefused() {
        assertTrue(UplinkQueue.canBeReady(List.of(new byte[FrameDevice.HEADER], new byte[65_600])));
        assertFalse(UplinkQueue.canBeReady(List.of(new byte[FrameDevice.HEADER - 1])));
        assertFalse(UplinkQueue.canBeReady(List.of(new byte[65_601])));
        assertFalse(UplinkQueue.canBeReady(Collections.nCopies(129, new byte[FrameDevice.HEADER])));
    }
}
