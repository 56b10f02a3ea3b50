package io.ringbridge.datapath;

import io.ringbridge.datapath.ReferenceBridge.Membership;
import io.ringbridge.datapath.os.FrameDevice;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.PortVlan;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Deliveries that are interrupted resume where they were: no frame is delivered twice. */
@Timeout(60)
class InterruptedDeliveryTest {
    /** A device whose write of one frame fails. */
    private record FailingOnce(Wire wire, AtomicInteger writesBefore) implements FrameDevice {
        @Override
        public boolean offloads() {
            return wire.offloads();
        }

        @Override
        public long read(final long address, final int length) {
            return wire.read(address, length);
        }

        @Override
        public long write(final long iovecs, final int count) {
            if (writesBefore.getAndDecrement() == 0) {
                throw new IllegalStateException("thrown by the test");
            }
            return wire.write(iovecs, count);
        }

        @Override
        public void flush() {
            wire.flush();
        }

        @Override
        public int fd() {
            return wire.fd();
        }

        @Override
        public boolean arm() {
            return wire.arm();
        }

        @Override
        public void disarm() {
            wire.disarm();
        }
    }

    /** Dropped frames count as finished, so the frames after them are not taken for unfinished ones. */
    @Test
    void afterFramesThatATrunkCannotHave() {
        final PortVlan trunk = Membership.trunk(10, 20).vlan();
        final AtomicInteger failures = new AtomicInteger();
        try (Wire wire = new Wire(); Datapath datapath = Datapath.start(
                 new DatapathOptions(1, List.of(), PollMode.ADAPTIVE, 1024, Duration.ofMinutes(5)),
                 _ -> failures.incrementAndGet());
             TestGuest guest = TestGuest.up(datapath.addGuestPort("guest", 1, 1500, trunk), Rings.SPLIT)) {
            final UplinkPort uplink = datapath.addUplinkPort("uplink", 1, 1500, trunk);
            wire.given.add(Frames.broadcast(2, 60));
            uplink.attach(List.of(new FailingOnce(wire, new AtomicInteger(3))), true);
            Await.until(() -> guest.received().size() == 1);
            datapath.pauseAll(); // the frames become one burst
            for (int i = 0; i < 3; i++) {
                guest.send(Tags.insert(Tags.insert(Frames.ethernet(2, 1, 60), 20), 0)); // a priority tag hides VLAN 20
            }
            for (int length = 60; length < 66; length++) {
                guest.send(Frames.ethernet(2, 1, length));
            }
            datapath.resumeAll();
            Await.until(() -> guest.reap() > 0);
            uplink.detach();
            final List<Integer> lengths = wire.written.stream().map(frame -> frame.length).toList();
            assertEquals(1, failures.get());
            assertEquals(lengths.stream().distinct().toList(), lengths);
            assertTrue(lengths.containsAll(List.of(60, 61, 62, 65)), lengths::toString);
            assertEquals(3L, uplink.statistics().drops().get(DropReason.VLAN_TAGGED));
        }
    }
}
