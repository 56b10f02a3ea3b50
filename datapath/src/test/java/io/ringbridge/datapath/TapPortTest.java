package io.ringbridge.datapath;

import com.sun.management.ThreadMXBean;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Tap;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortState;
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

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Two switches, each with a guest and a tap, connected by the kernel's bridge. */
@Timeout(20)
class TapPortTest {
    private static final int MTU = 9000;

    private Namespace namespace;
    private final Datapath left = Datapath.stepped(DatapathOptions.DEFAULT, System::nanoTime);
    private final Datapath right = Datapath.stepped(DatapathOptions.DEFAULT, System::nanoTime);
    private final List<AutoCloseable> open = new ArrayList<>();
    private UplinkPort leftTap;
    private UplinkPort rightTap;
    private TestGuest a;
    private TestGuest b;

    @BeforeEach
    void connect() {
        namespace = Namespace.create();
        namespace.in("ip", "link", "add", "br0", "mtu", "9000", "up", "type", "bridge");
        leftTap = tap(left, "left");
        rightTap = tap(right, "right");
    }

    private UplinkPort tap(final Datapath datapath, final String device) {
        final UplinkPort port = datapath.addUplinkPort(device, 1, MTU);
        attach(port, device, namespace.tap(device, 1, MTU));
        return port;
    }

    private void attach(final UplinkPort port, final String device, final List<Tap> taps) {
        namespace.in("ip", "link", "set", device, "master", "br0");
        port.attach(taps, true);
        open.add(() -> {
            port.detach();
            taps.forEach(Tap::close);
        });
    }

    private void guests(final long features) {
        a = new TestGuest(left.addGuestPort("a", 1, MTU), features, 256, 2048).start();
        b = new TestGuest(right.addGuestPort("b", 1, MTU), features, 256, 2048).start();
        open.add(a);
        open.add(b);
    }

    @AfterEach
    void disconnect() throws Exception {
        for (final AutoCloseable closeable : open.reversed()) {
            closeable.close();
        }
        left.close();
        right.close();
        if (namespace != null) {
            namespace.close();
        }
    }

    /** Steps both switches until a guest has received a frame. */
    private List<byte[]> await(final TestGuest guest, final int count) {
        final List<byte[]> frames = new ArrayList<>();
        while (frames.size() < count) {
            failOnTimeout();
            left.step();
            right.step();
            frames.addAll(received(guest));
        }
        return frames;
    }

    /** Returns the frames that arrived from other guests. The kernel sends frames of its own. */
    private static List<byte[]> received(final TestGuest guest) {
        return guest.received().stream().filter(frame -> frame[6] == 0x52 && frame[7] == 0x54).toList();
    }

    private void settle() {
        while (left.step() + right.step() > 0) {
            Thread.onSpinWait();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void framesCrossAsTheyAre(final boolean packed) {
        guests(TestGuest.FEATURES | (packed ? Features.of(Features.RING_PACKED) : 0));
        for (final int length : new int[] {14, 15, 42, 60, 64, 1000, 1514, 2048, 9014}) {
            for (final boolean there : new boolean[] {true, false}) {
                final TestGuest from = there ? a : b;
                final TestGuest to = there ? b : a;
                final byte[] broadcast = Frames.broadcast(there ? 1 : 2, length);
                from.send(broadcast);
                assertArrayEquals(broadcast, await(to, 1).getFirst());
                final byte[] unicast = Frames.ethernet(there ? 2 : 1, there ? 1 : 2, length);
                from.sendSplit(unicast, IntStream.of(5, 12, 13, 25).filter(cut -> cut < 12 + length).toArray());
                assertArrayEquals(unicast, await(to, 1).getFirst());
                from.reap();
            }
        }
        assertEquals(18, leftTap.statistics().outFrames());
        assertTrue(leftTap.statistics().inFrames() >= 18);
        assertTrue(leftTap.statistics().inBytes() >= rightTap.statistics().outBytes());
        assertTrue(left.stations().stream().anyMatch(s -> s.port() == leftTap.index() && s.mac().endsWith(":02")));
    }

    @Test
    void burstsKeepTheirOrder() {
        guests(TestGuest.FEATURES);
        a.send(Frames.broadcast(1, 60));
        b.send(Frames.broadcast(2, 60));
        await(a, 1);
        await(b, 1);
        for (int round = 0; round < 20; round++) {
            final List<byte[]> sent = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                sent.add(Frames.ethernet(2, 1, 60 + i));
                a.send(sent.getLast());
            }
            final List<byte[]> got = await(b, 200);
            for (int i = 0; i < 200; i++) {
                assertArrayEquals(sent.get(i), got.get(i));
            }
            assertEquals(round == 0 ? 201 : 200, a.reap());
        }
    }

    @Test
    void aDownDeviceDropsAndCounts() {
        guests(TestGuest.FEATURES);
        namespace.in("ip", "link", "set", "left", "down");
        a.send(Frames.broadcast(1, 60));
        settle();
        assertEquals(1, a.reap());
        assertEquals(1L, leftTap.statistics().drops().get(DropReason.LINK_DOWN));
        assertEquals(PortState.RUNNING, leftTap.state());
        assertTrue(leftTap.isDown(), "stations behind it may have moved");
        namespace.in("ip", "link", "set", "left", "up");
        a.send(Frames.broadcast(1, 60));
        assertEquals(1, await(b, 1).size());
        assertFalse(leftTap.isDown());
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aRemovedDeviceFailsOnlyItsPortAndMayComeBack(final boolean noticedByWriting) {
        guests(TestGuest.FEATURES);
        final TestGuest c = TestGuest.up(left.addGuestPort("c", 1, MTU));
        open.add(c);
        b.send(Frames.broadcast(2, 60));
        await(a, 1);
        namespace.in("ip", "link", "del", "left");
        if (noticedByWriting) {
            a.send(Frames.ethernet(2, 1, 60));
        }
        while (leftTap.failure() == null) {
            failOnTimeout();
            left.step();
        }
        assertEquals(PortState.FAILED, leftTap.state());
        received(c);
        a.send(Frames.broadcast(1, 60));
        settle();
        assertEquals(1, received(c).size());
        leftTap.detach();
        assertTrue(left.stations().stream().noneMatch(s -> s.port() == leftTap.index()));
        attach(leftTap, "again", namespace.tap("again", 1, MTU));
        assertEquals(PortState.RUNNING, leftTap.state());
        assertNull(leftTap.failure());
        a.send(Frames.broadcast(1, 60));
        assertEquals(1, await(b, 1).size());
    }

    @Test
    void nothingIsAllocatedPerFrame() {
        guests(TestGuest.FEATURES);
        a.send(Frames.broadcast(1, 60));
        b.send(Frames.broadcast(2, 60));
        await(a, 1);
        await(b, 1);
        final byte[] frame = Frames.ethernet(2, 1, 200);
        final long buffer = a.allocate(TestGuest.HEADER + frame.length, 64);
        Memory.copy(frame, 0, buffer + TestGuest.HEADER, frame.length);
        long least = Long.MAX_VALUE;
        for (int round = 0; round < 8 && least > 0; round++) {
            least = Math.min(least, allocated(buffer, frame.length));
        }
        assertEquals(0, least);
    }

    private long allocated(final long buffer, final int length) {
        final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        final TestGuest.Queue queue = b.receive.get(0);
        long allocated = 0;
        for (int batch = 0; batch < 1000; batch++) {
            for (int i = 0; i < 32; i++) {
                a.transmit.get(0).ring.add(a.guest(buffer), TestGuest.HEADER + length, false);
            }
            a.transmit.get(0).ring.publish();
            final int[] got = {0};
            while (got[0] < 32) {
                failOnTimeout();
                final long before = threads.getCurrentThreadAllocatedBytes();
                left.step();
                right.step();
                allocated += threads.getCurrentThreadAllocatedBytes() - before;
                queue.drain(at -> got[0] += Memory.getByte(at + 6) == 0x52 && Memory.getByte(at + 7) == 0x54 ? 1 : 0);
            }
            a.reap();
        }
        return allocated;
    }

    /** Real threads, of which some sleep at times, with the queues of one port on several workers. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aFrameWakesItsWorker(final int workers) {
        guests(TestGuest.FEATURES);
        final AtomicReference<Throwable> error = new AtomicReference<>();
        final DatapathOptions options = new DatapathOptions(workers, List.of(), PollMode.ADAPTIVE, 1024,
            DatapathOptions.DEFAULT.fdbAgeing());
        try (Datapath third = Datapath.start(options, error::set)) {
            final UplinkPort port = third.addUplinkPort("third", 2, MTU);
            final List<Tap> taps = namespace.tap("third", 2, MTU);
            namespace.in("ip", "link", "set", "third", "master", "br0");
            port.attach(taps, true);
            try (TestGuest c = TestGuest.up(third.addGuestPort("c", 1, MTU))) {
                for (int i = 0; i < 50; i++) {
                    final byte[] frame = Frames.broadcast(1, 60 + i);
                    a.send(frame);
                    final List<byte[]> got = new ArrayList<>();
                    until(() -> {
                        left.step();
                        got.addAll(received(c));
                        return !got.isEmpty();
                    });
                    assertArrayEquals(frame, got.getFirst());
                    a.reap();
                    final byte[] answer = Frames.ethernet(1, 3, 60 + i);
                    c.send(answer);
                    c.transmit.get(0).kick.signal();
                    assertArrayEquals(answer, await(a, 1).getFirst());
                    c.reap();
                }
            }
            third.remove(port);
            taps.forEach(Tap::close);
        }
        assertNull(error.get());
    }

    private void until(final BooleanSupplier condition) {
        while (!condition.getAsBoolean()) {
            failOnTimeout();
            LockSupport.parkNanos(1);
        }
    }

    private void failOnTimeout() {
        if (Thread.interrupted()) {
            throw new IllegalStateException("the test timed out; left "
                + left.ports().stream().map(Port::statistics).toList()
                + ", right " + right.ports().stream().map(Port::statistics).toList());
        }
    }
}
