package io.ringbridge.datapath;

import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.MemoryRegion;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.Interruption;
import io.ringbridge.datapath.port.InterruptionCause;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortState;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Each cause silences a port, and a reader of the port finds it. */
@Timeout(60)
class InterruptionsTest {
    /** Longer than the shortest silence that a worker records. */
    private static final long HELD_MILLIS = 20;

    private static Datapath start() {
        return Datapath.start(new DatapathOptions(1, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5)),
            Throwable::printStackTrace);
    }

    private static List<InterruptionCause> causes(final Port port) {
        return port.interruptions().stream().map(Interruption::cause).filter(cause ->
            cause != InterruptionCause.WORKER_STALL).toList(); // the machine may be busy
    }

    private static Interruption only(final Port port, final InterruptionCause cause) {
        final List<Interruption> found =
            port.interruptions().stream().filter(one -> one.cause() == cause).toList();
        assertEquals(1, found.size(), () -> cause + " in " + port.interruptions());
        return found.getFirst();
    }

    /** Holds a silence for a while. Returns the start and the length of that while. */
    private static long[] hold() throws InterruptedException {
        final long start = System.nanoTime();
        Thread.sleep(HELD_MILLIS);
        return new long[] {start, System.nanoTime() - start};
    }

    private static void assertCovers(final Interruption one, final long[] held) {
        assertTrue(one.start() - held[0] <= 0, "it began before the test waited");
        assertTrue(one.start() + one.nanos() - held[0] - held[1] >= 0, "it ended after the test had waited");
    }

    @ParameterizedTest
    @EnumSource(SuspendCause.class)
    void aSuspensionIsRecordedWithItsCause(final SuspendCause cause) throws InterruptedException {
        final InterruptionCause expected = switch (cause) {
            case OPERATOR -> InterruptionCause.SUSPENDED_BY_OPERATOR;
            case FRONT_END -> InterruptionCause.SUSPENDED_BY_FRONT_END;
            case DRIVER -> InterruptionCause.SUSPENDED_BY_DRIVER;
            case UPGRADE -> InterruptionCause.UPGRADE;
        };
        try (Datapath datapath = start(); TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500));
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500))) {
            assertEquals(List.of(), causes(a.port));
            a.port.suspend(cause);
            a.port.suspend(cause);
            final long[] held = hold();
            assertTrue(only(a.port, expected).ongoing());
            assertCovers(only(a.port, expected), held);
            a.port.resume(cause);
            final Interruption ended = only(a.port, expected);
            assertFalse(ended.ongoing());
            assertCovers(ended, held);
            assertEquals(ended, only(a.port, expected), "it does not grow any more");
            assertEquals(List.of(), causes(b.port));
            a.port.suspend(cause);
            a.port.resume(cause);
            assertEquals(List.of(expected, expected), causes(a.port));
            assertTrue(a.port.interruptions().getFirst().start() < a.port.interruptions().getLast().start());
        }
    }

    @Test
    void aFrontEndsSuspensionEndsWithIt() {
        try (Datapath datapath = start(); TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500))) {
            a.port.suspend(SuspendCause.FRONT_END);
            a.port.suspend(SuspendCause.OPERATOR);
            a.port.detach();
            assertFalse(only(a.port, InterruptionCause.SUSPENDED_BY_FRONT_END).ongoing());
            assertTrue(only(a.port, InterruptionCause.SUSPENDED_BY_OPERATOR).ongoing());
        }
    }

    @Test
    void anotherMemoryTableInterrupts() {
        try (Datapath datapath = start(); TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500));
             MemoryRegion other = MemoryRegion.map(GuestRam.GUEST_ADDRESS, a.ram.size(), GuestRam.GUEST_ADDRESS, 0,
                 Fd.duplicate(a.ram.file().fd()))) {
            final RingAddresses[] addresses = {
                a.receive.getFirst().ring.addresses(), a.transmit.getFirst().ring.addresses()};
            a.port.remap(a.memory, addresses);
            assertEquals(List.of(), causes(a.port), "the regions are the same");
            a.port.remap(GuestMemory.of(List.of(other)), addresses);
            final Interruption change = only(a.port, InterruptionCause.MEMORY_CHANGE);
            assertFalse(change.ongoing());
            assertTrue(change.nanos() > 0);
            a.port.detach();
        }
    }

    @Test
    void aReceiverWithoutBuffersIsRecordedFromItsFirstLostFrameToItsLast() throws InterruptedException {
        try (Datapath datapath = start();
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500));
             TestGuest b = new TestGuest(datapath.addGuestPort("b", 1, 1500), TestGuest.FEATURES, 16, 2048).start()) {
            b.send(Frames.broadcast(2, 60));
            Await.until(() -> a.received().size() == 1);
            send(a, 17);
            assertEquals(List.of(), causes(b.port), "a short want of buffers is not a silence");
            send(a, 1);
            final long[] held = hold();
            Await.until(() -> { // a cycle that began before the wait may take the first of these frames
                send(a, 1);
                return b.port.interruptions().stream().anyMatch(
                    one -> one.cause() == InterruptionCause.NO_BUFFERS && one.nanos() >= held[1]);
            });
            final Interruption ongoing = only(b.port, InterruptionCause.NO_BUFFERS);
            assertTrue(ongoing.ongoing());
            assertEquals(16, b.received().size());
            Thread.sleep(1);
            send(a, 1);
            Await.until(() -> !only(b.port, InterruptionCause.NO_BUFFERS).ongoing());
            assertEquals(ongoing.nanos(), only(b.port, InterruptionCause.NO_BUFFERS).nanos(),
                "the time without frames for the port does not count");
            assertEquals(List.of(), causes(a.port));
        }
    }

    /** Sends frames to station 2, and waits until they are delivered or dropped. */
    private static void send(final TestGuest a, final int frames) {
        IntStream.range(0, frames).forEach(_ -> a.send(Frames.ethernet(2, 1, 60)));
        final int[] back = new int[1];
        Await.until(() -> (back[0] += a.reap()) == frames);
    }

    @Test
    void aWorkerThatIsHeldStallsItsPorts() throws InterruptedException {
        try (Datapath datapath = start();
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500));
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500))) {
            final long[][] held = new long[1][];
            a.port.receivers()[0].owner().execute(() -> {
                final long start = System.nanoTime();
                while (System.nanoTime() - start < Duration.ofMillis(HELD_MILLIS).toNanos()) {
                    Thread.onSpinWait();
                }
                held[0] = new long[] {start, System.nanoTime() - start};
            });
            for (final GuestPort port : List.of(a.port, b.port)) {
                Await.until(() -> port.interruptions().stream().anyMatch(one ->
                    one.cause() == InterruptionCause.WORKER_STALL && one.start() - held[0][0] <= 0
                        && one.start() + one.nanos() - held[0][0] - held[0][1] >= 0 && !one.ongoing()));
            }
        }
    }

    @Test
    void aDeviceWithoutCarrierIsRecorded() throws InterruptedException {
        try (Datapath datapath = start(); Wire wire = new Wire()) {
            final UplinkPort port = datapath.addUplinkPort("u", 1, 1500);
            port.attach(List.of(wire), true);
            port.carrierLost(true);
            final long[] held = hold();
            port.carrierLost(false);
            assertCovers(only(port, InterruptionCause.LINK_DOWN), held);
            port.fail("gone");
            assertTrue(only(port, InterruptionCause.FAILURE).ongoing());
            port.detach();
            port.state(PortState.WAITING);
            assertFalse(only(port, InterruptionCause.FAILURE).ongoing());
            assertTrue(only(port, InterruptionCause.RECONNECT).ongoing());
            port.attach(List.of(wire), true);
            assertFalse(only(port, InterruptionCause.RECONNECT).ongoing());
            port.detach();
        }
    }

    @Test
    void theLatest64AreKept() {
        try (Datapath datapath = start(); TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500))) {
            a.port.suspend(SuspendCause.DRIVER);
            a.port.resume(SuspendCause.DRIVER);
            for (int i = 0; i < 64; i++) {
                a.port.suspend(SuspendCause.FRONT_END);
                a.port.resume(SuspendCause.FRONT_END);
            }
            assertEquals(64, a.port.interruptions().size());
            assertFalse(causes(a.port).contains(InterruptionCause.SUSPENDED_BY_DRIVER));
            for (int i = 1; i < 64; i++) {
                assertTrue(a.port.interruptions().get(i - 1).start() < a.port.interruptions().get(i).start());
            }
        }
    }
}
