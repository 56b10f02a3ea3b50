package io.ringbridge.datapath;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.InflightArea;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import io.ringbridge.testkit.TurnedRing;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Guests with a legacy driver on a big-endian machine. Their fields are big-endian; other guests are unaffected. */
@Timeout(60)
class BigEndianTest {
    private static final long LEGACY = Features.of(Features.INDIRECT_DESC);
    private static final long MERGEABLE = Features.of(Features.MRG_RXBUF);
    private static final long EVENTS = Features.of(Features.EVENT_IDX);
    private static final int SIZE = 64;

    private final Datapath datapath = Datapath.stepped(DatapathOptions.DEFAULT, System::nanoTime);
    private final SplittableRandom random = new SplittableRandom(17);
    private final List<TestGuest> guests = new ArrayList<>();
    private final List<TurnedRing> turned = new ArrayList<>();

    private final MemFd file = MemFd.create("inflight", 1 << 16);
    private final InflightArea area = InflightArea.map(Fd.duplicate(file.fd()), 0, 1 << 16, 2, SIZE);
    /** Whether in-flight chains are recorded. */
    private boolean recorded;

    @AfterEach
    void detach() {
        guests.forEach(TestGuest::close);
        datapath.close();
        area.close();
        file.close();
    }

    /** Gives the device a byte-swapped copy of a guest's ring, and starts the ring. */
    private TurnedRing turn(final TestGuest guest, final TestGuest.Queue queue) {
        final long used = guest.allocate(RingAddresses.deviceBytes(SIZE, false), 4096);
        final RingAddresses device = new RingAddresses(guest.allocate(RingAddresses.descriptorBytes(SIZE), 16),
            guest.allocate(RingAddresses.driverBytes(SIZE, false), 2), used, guest.guest(used));
        final TurnedRing ring = new TurnedRing(queue.ring.addresses(), device, SIZE);
        ring.offer();
        guest.port.startRing(queue.vring, config(guest, queue.vring, device), queue.events());
        guest.port.enableRing(queue.vring, true);
        return ring;
    }

    private RingConfig config(final TestGuest guest, final int vring, final RingAddresses device) {
        return new RingConfig(SIZE, guest.features, device, 0, guest.memory,
            recorded ? area.region(vring, SIZE, false) : null, true);
    }

    private TestGuest big(final long features, final int bufferLength) {
        final TestGuest guest =
            new TestGuest(datapath.addGuestPort("g" + guests.size(), 1, 65535), features, SIZE, bufferLength);
        guests.add(guest);
        turned.add(turn(guest, guest.receive.get(0)));
        turned.add(turn(guest, guest.transmit.get(0)));
        return guest;
    }

    private TestGuest little(final long features) {
        final TestGuest guest =
            new TestGuest(datapath.addGuestPort("g" + guests.size(), 1, 65535), features, 256, 2048).start();
        guests.add(guest);
        return guest;
    }

    private void run() {
        turned.forEach(TurnedRing::offer);
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
        turned.forEach(TurnedRing::use);
    }

    /** Swaps the bytes of the fields of a virtio-net header. */
    private static byte[] turn(final byte[] header) {
        final byte[] other = header.clone();
        for (int i = 2; i < header.length; i += 2) {
            other[i] = header[i + 1];
            other[i + 1] = header[i];
        }
        return other;
    }

    /**
     * Returns the next frame in a big-endian guest's buffers.
     *
     * @param header the expected virtio-net header, except for the number of buffers
     */
    private static byte[] received(final TestGuest guest, final byte[] header) {
        final TestGuest.Queue queue = guest.receive.get(0);
        byte[] bytes = {};
        int buffers = 0;
        int wanted = 1;
        while (buffers < wanted) {
            final int id = queue.ring.poll();
            assertTrue(id >= 0, "a frame, or the rest of one");
            final int length = queue.ring.usedLength();
            final byte[] longer = Arrays.copyOf(bytes, bytes.length + length);
            Memory.copy(queue.buffers[id], longer, bytes.length, length);
            bytes = longer;
            queue.post(queue.buffers[id], queue.lengths[id]);
            if (buffers++ == 0 && header.length == 12) {
                wanted = (bytes[10] & 0xFF) << 8 | bytes[11] & 0xFF;
            }
        }
        assertTrue(wanted > 0);
        queue.ring.publish();
        final byte[] found = Arrays.copyOf(bytes, header.length);
        if (header.length == 12) {
            found[10] = header[10];
            found[11] = header[11];
        }
        assertArrayEquals(header, found);
        return Arrays.copyOfRange(bytes, header.length, bytes.length);
    }

    static LongStream features() {
        return LongStream.of(LEGACY, LEGACY | EVENTS, LEGACY | MERGEABLE, LEGACY | MERGEABLE | EVENTS);
    }

    @ParameterizedTest
    @MethodSource("features")
    void framesGoBothWays(final long features) {
        final int headerLength = Features.headerLength(features);
        final TestGuest a = big(features, (features & MERGEABLE) != 0 ? 300 : 2048);
        final TestGuest b = little(TestGuest.FEATURES);
        final TestGuest c = big(features, 2048);
        a.send(Frames.broadcast(1, 60));
        run();
        b.send(Frames.broadcast(2, 60));
        run();
        b.received();
        received(a, new byte[headerLength]);
        received(c, new byte[headerLength]);
        received(c, new byte[headerLength]);
        assertEquals(1, a.reap());
        assertEquals(1, b.reap());
        for (int i = 0; i < 70_000 / 16; i++) {
            final long markA = a.mark();
            final long markB = b.mark();
            final int count = 1 + random.nextInt(4);
            final List<byte[]> toB = new ArrayList<>();
            final List<byte[]> toA = new ArrayList<>();
            for (int n = 0; n < count; n++) {
                toB.add(Frames.ethernet(2, 1, 14 + random.nextInt(1500)));
                a.sendSplit(toB.get(n),
                    random.nextBoolean() ? new int[0] : new int[] {1 + random.nextInt(headerLength + 13)});
                toA.add(Frames.ethernet(1, 2, 14 + random.nextInt(1500)));
                b.send(toA.get(n));
            }
            run();
            final List<byte[]> found = b.received();
            assertEquals(count, found.size());
            for (int n = 0; n < count; n++) {
                assertArrayEquals(toB.get(n), found.get(n));
                assertArrayEquals(toA.get(n), received(a, new byte[headerLength]));
            }
            assertEquals(count, a.reap());
            assertEquals(count, b.reap());
            a.release(markA);
            b.release(markB);
        }
        final byte[] between = Frames.ethernet(1, 3, 100);
        c.send(between);
        run();
        assertArrayEquals(between, received(a, new byte[headerLength]));
        for (final TestGuest guest : guests) {
            assertEquals(Map.of(), guest.port.statistics().drops());
        }
    }

    @Test
    void offloadRequestsUseTheDriversByteOrder() {
        final long all = Features.of(Features.CSUM, Features.HOST_TSO4) | Offloads.TAKES_ALL | MERGEABLE;
        final TestGuest a = big(LEGACY | all, 2048);
        final TestGuest b = little(TestGuest.FEATURES | all);
        a.send(Frames.broadcast(1, 60));
        run();
        b.send(Frames.broadcast(2, 60));
        run();
        b.received();
        received(a, new byte[12]);
        final byte[] addresses = Arrays.copyOf(Frames.ethernet(2, 1, 14), 12);
        for (final int type : new int[] {0, Offloads.TCPV4}) {
            final Packet packet = Packet.random(random, false, Packet.TCP, addresses, 1800);
            final byte[] header = Offloads.header(packet, type, type == 0 ? 0 : 500);
            a.send(turn(header), packet.frame);
            run();
            final TestGuest.Received there = b.receivedWithHeaders().getFirst();
            assertArrayEquals(Arrays.copyOf(header, 10), Arrays.copyOf(there.header, 10));
            assertArrayEquals(packet.frame, there.frame);
            final byte[] back = packet.frame.clone();
            System.arraycopy(packet.frame, 0, back, 6, 6);
            System.arraycopy(packet.frame, 6, back, 0, 6);
            b.send(header, back);
            run();
            assertArrayEquals(back, received(a, turn(header)));
        }
        a.send(Offloads.header(Packet.random(random, false, Packet.TCP, addresses, 100), 0, 0),
            Packet.random(random, false, Packet.TCP, addresses, 100).frame);
        run();
        assertEquals(Map.of(DropReason.BAD_OFFLOAD, 1L), a.port.statistics().drops(),
            "little-endian fields are invalid there");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void everyWrittenPageIsLogged(final boolean record) {
        recorded = record;
        final TestGuest a = big(LEGACY | MERGEABLE, 300);
        final TestGuest b = little(TestGuest.FEATURES);
        try (GuestLog log = new GuestLog(a)) {
            log.begin();
            for (int i = 0; i < 200; i++) {
                log.reset();
                b.send(Frames.broadcast(2, 60 + random.nextInt(1400)));
                turned.forEach(TurnedRing::offer);
                final Set<Long> before = log.changedPages();
                while (datapath.step() > 0) {
                    Thread.onSpinWait();
                }
                final Set<Long> written = log.changedPages();
                written.removeAll(before);
                final Set<Long> marked = log.marked();
                written.add((turned.get(0).device().device() - a.ram.address()) / DirtyLog.PAGE_SIZE);
                assertTrue(marked.containsAll(written), () -> "pages written: " + written + ", marked: " + marked);
                turned.forEach(TurnedRing::use);
                received(a, new byte[12]);
                b.reap();
            }
            a.port.setLog(null, null);
        }
    }

    @Test
    void aSplitHeaderAndAnInvalidRingHarmOnlyTheirOwnPort() {
        final TestGuest a = big(LEGACY | MERGEABLE, 8);
        final TestGuest b = little(TestGuest.FEATURES);
        b.send(Frames.broadcast(2, 60));
        run();
        assertEquals(Map.of(DropReason.BAD_BUFFER, 1L), a.port.statistics().drops());
        assertTrue(a.receive.get(0).ring.poll() >= 0, "the buffer is returned");
        assertNull(a.port.takeRingFault());
        final DriverRing ring = a.transmit.get(0).ring;
        Memory.putShort(ring.addresses().driver() + 2, (short) 30_000);
        run();
        assertTrue(a.port.takeRingFault().contains("30000 entries ahead"));
        assertFalse(a.port.queues().get(1).started());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void positionsSurviveAStop(final boolean record) {
        recorded = record;
        final TestGuest a = big(LEGACY, 2048);
        final TestGuest b = little(TestGuest.FEATURES);
        for (int i = 0; i < 3; i++) {
            a.send(Frames.broadcast(1, 60));
            run();
        }
        assertEquals(3, a.reap());
        assertEquals(3, a.port.stopRing(1));
        a.port.startRing(1, config(a, 1, turned.get(1).device()),
            a.transmit.get(0).events());
        a.send(Frames.broadcast(1, 61));
        run();
        assertEquals(1, a.reap());
        assertEquals(4, b.received().size());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void scribblingAtMostEndsTheRing(final boolean record) {
        recorded = record;
        final TestGuest a = big(LEGACY | EVENTS, 2048);
        final TestGuest b = little(TestGuest.FEATURES);
        for (int round = 0; round < 3000; round++) {
            final RingAddresses device = turned.get(1).device();
            for (int i = 0; i < 8; i++) {
                Memory.putInt(device.descriptors() + 4L * random.nextInt(4 * SIZE),
                    random.nextBoolean() ? random.nextInt() : 0x0200_0000);
            }
            for (int i = 0; i < SIZE; i++) {
                Memory.putShort(device.driver() + 4 + 2L * i, Short.reverseBytes((short) random.nextInt(SIZE + 1)));
            }
            final int ahead = random.nextInt(3);
            final short used = Short.reverseBytes(Memory.getShort(device.device() + 2));
            Memory.putShortRelease(device.driver() + 2, Short.reverseBytes((short) (used + ahead)));
            while (datapath.step() > 0) {
                Thread.onSpinWait();
            }
            if (!a.port.queues().get(1).started()) {
                a.port.stopRing(1);
                Memory.putShort(device.driver() + 2, Memory.getShort(device.device() + 2));
                a.port.startRing(1, config(a, 1, device),
                    a.transmit.get(0).events());
            }
        }
        assertTrue(a.port.statistics().drops().get(DropReason.BAD_DESCRIPTOR) > 100);
        assertNotEquals(PortState.FAILED, a.port.state());
        b.received();
    }
}
