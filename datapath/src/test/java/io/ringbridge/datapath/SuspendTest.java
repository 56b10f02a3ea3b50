package io.ringbridge.datapath;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.port.QueueStatus;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.LongStream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** One suspended port beside two running ones. */
class SuspendTest {
    static LongStream layouts() {
        return LongStream.of(TestGuest.FEATURES, TestGuest.FEATURES | Features.of(Features.EVENT_IDX),
            TestGuest.FEATURES | Features.of(Features.RING_PACKED),
            TestGuest.FEATURES | Features.of(Features.RING_PACKED, Features.EVENT_IDX));
    }

    private static Datapath stepped() {
        return Datapath.stepped(new DatapathOptions(2, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5)),
            System::nanoTime);
    }

    private static TestGuest guest(final Datapath datapath, final String name, final long features) {
        return new TestGuest(datapath.addGuestPort(name, 1, 1500), features, 64, 2048).start();
    }

    private static void run(final Datapath datapath) {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private static byte[] memory(final TestGuest guest) {
        final byte[] bytes = new byte[1 << 20];
        Memory.copy(guest.ram.address(), bytes, 0, bytes.length);
        return bytes;
    }

    private static void meet(final Datapath datapath, final TestGuest... guests) {
        for (int i = 0; i < guests.length; i++) {
            guests[i].send(Frames.broadcast(i + 1, 60));
            run(datapath);
            guests[i].reap();
        }
        for (final TestGuest guest : guests) {
            guest.received();
            guest.receive.get(0).call.drain();
            guest.transmit.get(0).call.drain();
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void aSuspendedPortTakesNoFramesAndReceivesNone(final long features) {
        try (Datapath datapath = stepped();
             TestGuest a = guest(datapath, "a", features);
             TestGuest b = guest(datapath, "b", features);
             TestGuest c = guest(datapath, "c", features)) {
            meet(datapath, a, b, c);
            for (int round = 0; round < 40; round++) {
                a.port.suspend(SuspendCause.FRONT_END);
                final byte[] frame = Frames.ethernet(2, 1, 100);
                a.send(frame);
                a.transmit.get(0).kick.signal();
                final byte[] before = memory(a);
                b.send(Frames.ethernet(1, 2, 60));
                c.send(Frames.broadcast(3, 60));
                run(datapath);
                assertEquals(1, b.reap(), "a sender does not wait for a suspended port");
                assertEquals(1, c.reap());
                assertEquals(1, b.received().size(), "other ports receive flooded frames");
                assertArrayEquals(before, memory(a));
                assertFalse(a.transmit.get(0).call.drain() || a.receive.get(0).call.drain());
                assertEquals(Map.of(DropReason.PORT_SUSPENDED, 2L * (round + 1)), a.port.statistics().drops());
                assertEquals(List.of(true, true), a.port.queues().stream().map(QueueStatus::started).toList());
                assertEquals(List.of(64, 64), a.port.queues().stream().map(QueueStatus::size).toList());

                a.port.resume(SuspendCause.FRONT_END);
                run(datapath);
                assertEquals(1, a.reap());
                assertArrayEquals(frame, b.received().getFirst());
                a.received();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void ringsStopStartAndMoveWhileSuspended(final long features) {
        try (Datapath datapath = stepped();
             TestGuest a = guest(datapath, "a", features);
             TestGuest b = guest(datapath, "b", features)) {
            meet(datapath, a, b);
            final GuestPort port = a.port;
            for (int round = 0; round < 200; round++) {
                final byte[] frame = Frames.ethernet(2, 1, 100);
                a.send(frame);
                port.suspend(SuspendCause.OPERATOR);
                port.enableRing(1, true);
                final int base = port.stopRing(1);
                assertEquals(base, restart(a, base), "a ring that never ran keeps its start position");
                port.startRing(1, a.transmit.get(0).config(base), a.transmit.get(0).events());
                port.remap(a.memory, new RingAddresses[] {
                    a.receive.get(0).ring.addresses(), a.transmit.get(0).ring.addresses()});
                run(datapath);
                assertEquals(0, a.reap() + b.received().size());
                assertFalse(a.transmit.get(0).call.drain());
                port.resume(SuspendCause.OPERATOR);
                assertTrue(a.transmit.get(0).call.drain(), "the driver is notified, as for any ring that starts");
                run(datapath);
                assertArrayEquals(frame, b.received().getFirst());
                assertEquals(1, a.reap());
            }
        }
    }

    private static int restart(final TestGuest guest, final int base) {
        guest.port.startRing(1, guest.transmit.get(0).config(base), guest.transmit.get(0).events());
        return guest.port.stopRing(1);
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void takenBuffersAreReturnedAndNotifiedBeforeSuspendReturns(final long features) {
        try (Datapath datapath = Datapath.start(
                 new DatapathOptions(2, List.of(), PollMode.ADAPTIVE, 1024, Duration.ofMinutes(5)),
                 Throwable::printStackTrace);
             TestGuest a = guest(datapath, "a", features);
             TestGuest b = guest(datapath, "b", features)) {
            final TestGuest.Queue transmit = a.transmit.get(0);
            int sent = 0;
            int returned = 0;
            int received = 0;
            for (int round = 0; round < 300; round++) {
                transmit.call.drain();
                final boolean some = transmit.ring.wantNotification(true);
                for (int i = round % 20; i > 0 && sent - returned < 64; i--) {
                    a.send(Frames.broadcast(1, 60));
                    sent++;
                }
                transmit.kick.signal();
                a.port.suspend(SuspendCause.DRIVER);
                final int now = a.reap();
                returned += now;
                received += b.received().size();
                assertEquals(received, returned);
                assertTrue(some || transmit.call.drain() || now == 0, "the driver is notified of returned buffers");
                a.port.resume(SuspendCause.DRIVER);
                LockSupport.parkNanos(1);
            }
            while (received < sent) {
                LockSupport.parkNanos(1);
                received += b.received().size();
            }
            assertEquals(sent, received);
        }
    }
}
