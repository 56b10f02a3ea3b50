package io.ringbridge.control.uplink;

import io.ringbridge.control.backend.Backend;
import io.ringbridge.control.backend.BackendOptions;
import io.ringbridge.control.event.Events;
import io.ringbridge.control.event.PortEvents;
import io.ringbridge.datapath.Datapath;
import io.ringbridge.datapath.DatapathOptions;
import io.ringbridge.datapath.driver.DirectGuest;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.NumberedFrames;
import io.ringbridge.testkit.OpenDescriptors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Tests a port that is attached to another switch of this process, with a guest behind each. */
@Timeout(120)
class FrontendLinkTest {
    private static final PortEvents EVENTS = new Events().of("test");
    private static final long PLAIN = Features.of(Features.VERSION_1, Features.MRG_RXBUF);
    private static final long OFFLOADING = PLAIN | Features.OFFLOADS;
    private static final int MTU = 9000;
    private static final int HEADER = 12;

    @TempDir
    Path directory;
    private Datapath near;
    private Datapath far;
    private UplinkPort port;
    private GuestPort farPort;
    private Backend backend;
    private FrontendLink link;
    private DirectGuest a;
    private DirectGuest b;

    /**
     * Creates two switches.
     *
     * @param mask the features that the port may accept
     * @param guests the features of both guests
     */
    private void connect(final PollMode poll, final int pairs, final long mask, final long guests) {
        final DatapathOptions options = new DatapathOptions(1, List.of(), poll, 1024, Duration.ofMinutes(5));
        near = Datapath.start(options, Throwable::printStackTrace);
        far = Datapath.start(options, Throwable::printStackTrace);
        farPort = far.addGuestPort("in", pairs, MTU);
        backend = Backend.open(farPort, BackendOptions.server(socket()));
        port = near.addUplinkPort("out", pairs, 1500);
        link = FrontendLink.start(port, new FrontendOptions(socket(), mask, MTU), EVENTS);
        link.serve();
        a = new DirectGuest(near.addGuestPort("a", 1, MTU), guests, 256, MTU + 100);
        b = new DirectGuest(far.addGuestPort("b", 1, MTU), guests, 256, MTU + 100);
        awaitRunning();
    }

    private Path socket() {
        return directory.resolve("far");
    }

    private void awaitRunning() {
        Await.until(() -> port.state() == PortState.RUNNING && link.features() != 0
            && farPort.state() == PortState.RUNNING);
    }

    @AfterEach
    void close() {
        if (link != null) {
            link.close();
            a.close();
            b.close();
            backend.close();
            near.close();
            far.close();
        }
    }

    static Stream<Long> layouts() {
        return Stream.of(-1L, ~Features.of(Features.RING_PACKED), ~Features.of(Features.EVENT_IDX),
            ~Features.of(Features.RING_PACKED, Features.EVENT_IDX), ~Features.of(Features.MRG_RXBUF));
    }

    /** Sends numbered frames in one direction, with at most 64 on the way. None may be lost or overtake another. */
    private static void exchange(final QueuePair from, final QueuePair to, final int destination, final int source,
                                 final int count) {
        final NumberedFrames frames = new NumberedFrames(from.transmitter(), destination, source);
        int sent = 0;
        int received = 0;
        while (received < count) {
            while (sent < count && sent - received < 64 && frames.send(sent)) {
                sent++;
            }
            Await.until(() -> to.receiver().poll());
            assertEquals(received++, NumberedFrames.number(to.receiver().address()));
            to.receiver().flush();
        }
    }

    private void exchangeBothWays(final int count) {
        exchange(a.queues(), b.queues(), 2, 1, count);
        exchange(b.queues(), a.queues(), 1, 2, count);
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void framesArriveInOrderWithPollingWorkers(final long mask) {
        connect(PollMode.BUSY, 1, mask, PLAIN);
        assertEquals((mask & Features.of(Features.RING_PACKED)) != 0,
            Features.has(link.features(), Features.RING_PACKED));
        exchangeBothWays(5000);
        assertEquals(10_000, port.statistics().inFrames() + port.statistics().outFrames());
        assertEquals(0, port.statistics().drops().values().stream().mapToLong(n -> n).sum());
    }

    /** A frame that does not wake a worker would wait for a second, so the test would exceed its limit. */
    @ParameterizedTest
    @MethodSource("layouts")
    void framesWakeSleepingWorkers(final long mask) {
        connect(PollMode.ADAPTIVE, 1, mask, PLAIN);
        for (int i = 0; i < 200; i++) {
            LockSupport.parkNanos(1_000_000); // the workers go to sleep
            exchangeBothWays(1);
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void framesOfAnyLengthArriveWhole(final long mask) {
        connect(PollMode.ADAPTIVE, 1, mask, PLAIN);
        for (final int length : new int[] {60, 1514, 1588, 1589, 3188, 3189, MTU + 14}) {
            final byte[] out = Frames.ethernet(2, 1, length);
            Frames.send(a.queues(), out);
            assertArrayEquals(out, Frames.next(b.queues()));
            final byte[] back = Frames.ethernet(1, 2, length);
            Frames.send(b.queues(), back);
            assertArrayEquals(back, Frames.next(a.queues()));
        }
    }

    @Test
    void severalQueuePairsAreUsed() {
        connect(PollMode.ADAPTIVE, 2, -1, PLAIN);
        assertEquals(2, port.queues().stream().filter(queue -> queue.started()).count());
        exchangeBothWays(200);
    }

    @Test
    void aBackEndWithFewerQueuePairsGetsFewer() {
        near = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
        far = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
        farPort = far.addGuestPort("in", 1, MTU);
        backend = Backend.open(farPort, BackendOptions.server(socket()));
        port = near.addUplinkPort("out", 4, 1500);
        link = FrontendLink.start(port, FrontendOptions.of(socket()), EVENTS);
        link.serve();
        a = new DirectGuest(near.addGuestPort("a", 1, MTU), PLAIN, 256, 2048);
        b = new DirectGuest(far.addGuestPort("b", 1, MTU), PLAIN, 256, 2048);
        awaitRunning();
        assertEquals(1, port.queues().stream().filter(queue -> queue.started()).count());
        exchangeBothWays(200);
    }

    /** Returns a TCP packet over IPv4 without payload bytes of interest, and no valid checksums. */
    private static byte[] tcp(final int to, final int from, final int length) {
        final byte[] frame = Frames.ethernet(to, from, length);
        final ByteBuffer bytes = ByteBuffer.wrap(frame);
        bytes.putShort(12, (short) 0x0800);
        bytes.put(14, new byte[] {0x45, 0}).putShort(16, (short) (length - 14)).putInt(18, 0x1_4000)
            .putShort(22, (short) 0x4006).putShort(24, (short) 0).putInt(26, 0x0A000001).putInt(30, 0x0A000002);
        int sum = 0;
        for (int at = 14; at < 34; at += 2) {
            sum += bytes.getShort(at) & 0xFFFF;
        }
        bytes.putShort(24, (short) ~((sum >>> 16) + sum));
        bytes.putInt(34, 0x1000_2000).putInt(38, 1).putInt(42, 1).putShort(46, (short) 0x5010)
            .putShort(48, (short) 0x1000).putInt(50, 0);
        return frame;
    }

    /** Returns a header that requests segments of 1448 bytes. */
    private static byte[] tsoHeader() {
        final ByteBuffer header = ByteBuffer.allocate(HEADER).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        header.put((byte) 1).put((byte) 1).putShort((short) 54).putShort((short) 1448).putShort((short) 34)
            .putShort((short) 16);
        return header.array();
    }

    private void assertCrosses(final QueuePair from, final QueuePair to, final int destination, final int source,
                               final boolean whole) {
        final byte[] packet = tcp(destination, source, 54 + 5 * 1448);
        Await.until(() -> from.transmitter().transmit(tsoHeader(), packet));
        int payload = 0;
        while (payload < 5 * 1448) {
            Await.until(() -> to.receiver().poll());
            assertEquals(whole, to.receiver().header()[1] == 1);
            payload += to.receiver().length() - 54;
            assertTrue(whole || to.receiver().length() == 54 + 1448);
            to.receiver().flush();
        }
        assertEquals(5 * 1448, payload);
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void largePacketsCrossWholeIfBothSidesAgree(final long mask) {
        connect(PollMode.ADAPTIVE, 1, mask, OFFLOADING);
        assertCrosses(a.queues(), b.queues(), 2, 1, true);
        final boolean merges = (mask & Features.of(Features.MRG_RXBUF)) != 0;
        assertEquals(merges, Features.has(link.features(), Features.GUEST_TSO4));
        assertCrosses(b.queues(), a.queues(), 1, 2, merges);
    }

    @Test
    void largePacketsAreCutIfABackEndDoesNotTakeThem() {
        connect(PollMode.ADAPTIVE, 1, ~Features.OFFLOADS, OFFLOADING);
        assertFalse(Features.has(link.features(), Features.CSUM));
        assertCrosses(a.queues(), b.queues(), 2, 1, false);
        assertCrosses(b.queues(), a.queues(), 1, 2, false);
    }

    @Test
    void theMtuChangesAtOnce() {
        connect(PollMode.ADAPTIVE, 1, -1, PLAIN);
        link.change(new FrontendOptions(socket(), -1, 1000));
        Await.until(() -> port.mtu() == 1000);
        Frames.send(a.queues(), Frames.ethernet(2, 1, 1500));
        exchangeBothWays(1);
        assertEquals(1, port.statistics().drops().values().stream().mapToLong(n -> n).sum());
    }

    @Test
    void theSessionIsSetUpAgainWhenTheBackEndIsBack() {
        connect(PollMode.ADAPTIVE, 1, -1, PLAIN);
        final long before = OpenDescriptors.count();
        for (int i = 0; i < 2; i++) {
            backend.close();
            Await.until(() -> port.state() == PortState.FAILED);
            assertTrue(port.failure().startsWith("back-end " + socket()), port.failure());
            backend = Backend.open(farPort, BackendOptions.server(socket()));
            awaitRunning();
            exchangeBothWays(500);
        }
        assertEquals(before, OpenDescriptors.count());
    }
}
