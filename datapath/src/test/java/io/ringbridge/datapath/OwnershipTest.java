package io.ringbridge.datapath;

import io.ringbridge.datapath.bridge.Bridge;
import io.ringbridge.datapath.bridge.ForwardingTable;
import io.ringbridge.datapath.bridge.VlanBridge;
import io.ringbridge.datapath.forward.Delivery;
import io.ringbridge.datapath.forward.Effort;
import io.ringbridge.datapath.forward.FrameRecorder;
import io.ringbridge.datapath.forward.Inbox;
import io.ringbridge.datapath.forward.Ingress;
import io.ringbridge.datapath.forward.LatencySampler;
import io.ringbridge.datapath.forward.Notifier;
import io.ringbridge.datapath.forward.Observation;
import io.ringbridge.datapath.port.PortList;
import io.ringbridge.datapath.port.ReceiveQueue;
import io.ringbridge.datapath.port.Source;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.port.UplinkQueue;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The assertions that only the owning thread uses a worker's objects fire, and allow what is allowed. */
class OwnershipTest {
    private static ReceiveQueue receiveQueue(final TestGuest guest) {
        return (ReceiveQueue) guest.port.receivers()[0];
    }

    private static Throwable onAnotherThread(final Executable action) throws InterruptedException {
        final AtomicReference<Throwable> thrown = new AtomicReference<>();
        final Thread thread = Thread.ofPlatform().start(() -> {
            try {
                action.execute();
            } catch (final Throwable e) {
                thrown.set(e);
            }
        });
        thread.join();
        return thrown.get();
    }

    @ParameterizedTest
    @EnumSource
    void aRingAndItsQueueBelongToTheWorkersThread(final Rings rings) {
        try (Datapath datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
             TestGuest guest = TestGuest.up(datapath.addGuestPort("a", 1, 1500), rings)) {
            final ReceiveQueue queue = receiveQueue(guest);
            final DeviceRing ring = queue.ring();
            assertFalse(queue.owner().isCaller());
            final Map<String, Executable> uses = Map.of("publish", ring::publish,
                "log", () -> ring.log(null, null), "mark", queue::markUnsettled, "settle", queue::markSettled,
                "publish the queue", queue::publish);
            uses.forEach((name, use) -> assertThrows(AssertionError.class, use, name));
            queue.owner().execute(() -> {
                assertTrue(queue.owner().isCaller());
                ring.publish();
            });
        }
    }

    @Test
    void whileFrozenTheyBelongToTheThreadThatFroze() {
        try (Datapath datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
             TestGuest guest = TestGuest.up(datapath.addGuestPort("a", 1, 1500), Rings.SPLIT)) {
            final DeviceRing ring = receiveQueue(guest).ring();
            datapath.whileFrozen(() -> {
                ring.publish();
                assertEquals(AssertionError.class, assertThrowsElsewhere(ring::publish).getClass());
            });
            assertThrows(AssertionError.class, ring::publish);
        }
    }

    private static Throwable assertThrowsElsewhere(final Executable action) {
        try {
            return onAnotherThread(action);
        } catch (final InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void beforeTheThreadsStartAnyThreadMayUseThem() throws InterruptedException {
        try (Datapath datapath = Datapath.prepare(DatapathOptions.DEFAULT);
             TestGuest guest = TestGuest.up(datapath.addGuestPort("a", 1, 1500), Rings.PACKED)) {
            final DeviceRing ring = receiveQueue(guest).ring();
            ring.publish();
            assertNull(onAnotherThread(ring::publish));
        }
    }

    @Test
    void theSourceOfAnUplinkBelongsToTheWorkersThread() {
        try (Datapath datapath = Datapath.start(DatapathOptions.DEFAULT, Throwable::printStackTrace);
             Wire wire = new Wire()) {
            final UplinkPort port = datapath.addUplinkPort("u", 1, 1500);
            port.attach(List.of(wire), true);
            final UplinkQueue queue = (UplinkQueue) port.receivers()[0];
            final Source source = queue.source();
            assertThrows(AssertionError.class, () -> source.recordBurst(1, new long[1]));
            assertThrows(AssertionError.class, () -> source.charge(1, 1));
            assertThrows(AssertionError.class, queue::releaseOldest);
            port.detach();
        }
    }

    @TestFactory
    Stream<DynamicTest> theWayOfAFrameBelongsToTheWorkersThread() {
        final PortList ports = new PortList();
        final ForwardingTable table = new ForwardingTable(64, 300, 1);
        final Inbox[] inboxes = {new Inbox(64, true)};
        final Effort[] efforts = new Effort[1];
        efforts[0] = new Effort(0, efforts, inboxes, ports);
        final Ingress ingress = new Ingress(0, () -> false, inboxes, new Bridge(table, ports),
            new VlanBridge(table, ports), new Notifier(), efforts[0],
            new Observation(new FrameRecorder(), new LatencySampler(0, System::nanoTime), ports.mirrors()));
        final Delivery delivery = new Delivery(0, () -> false, inboxes[0], ports, new Notifier(), efforts[0],
            System::nanoTime, new FrameRecorder());
        final UplinkQueue queue;
        try (Datapath datapath = Datapath.prepare(DatapathOptions.DEFAULT); Wire wire = new Wire()) {
            final UplinkPort port = datapath.addUplinkPort("u", 1, 1500);
            port.attach(List.of(wire), true);
            queue = (UplinkQueue) port.receivers()[0];
            port.detach();
        }
        final Map<String, Executable> uses = Map.of("poll", () -> ingress.poll(queue, 0, 0),
            "complete", () -> ingress.complete(queue),
            "deliver", delivery::deliver, "announce", () -> delivery.announce(0, 0, 0));
        return uses.entrySet().stream().map(use ->
            DynamicTest.dynamicTest(use.getKey(), () -> assertThrows(AssertionError.class, use.getValue())));
    }
}
