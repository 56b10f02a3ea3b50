package io.ringbridge.datapath;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.SuspendCause;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Transmit rings that are started before they are enabled. */
@Timeout(60)
class FirstEnableTest {
    private static final int FRAMES = 40;
    private static final long SECOND = 1_000_000_000L;

    private long nanos = Long.MAX_VALUE - SECOND / 2; // the clock may wrap

    private Datapath stepped() {
        return Datapath.stepped(new DatapathOptions(2, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5)),
            () -> nanos);
    }

    private static TestGuest guest(final Datapath datapath, final String name, final Rings rings) {
        return new TestGuest(datapath.addGuestPort(name, 1, 1500), rings.features, 64, 2048);
    }

    private static void startDisabled(final TestGuest guest, final int base) {
        guest.port.startRing(1, guest.transmit.get(0).config(base), guest.transmit.get(0).events());
    }

    private static int freshBase(final TestGuest guest) {
        return DriverRing.freshBase(guest.features);
    }

    private static void send(final TestGuest guest, final int frames) {
        for (int i = 0; i < frames; i++) {
            guest.send(Frames.broadcast(1, 60));
        }
        guest.transmit.get(0).kick.signal();
    }

    private static void run(final Datapath datapath) {
        do {
            Thread.onSpinWait();
        } while (datapath.step() > 0);
        datapath.step();
    }

    private static byte[] memory(final TestGuest guest) {
        final byte[] bytes = new byte[1 << 20];
        Memory.copy(guest.ram.address(), bytes, 0, bytes.length);
        return bytes;
    }

    @ParameterizedTest
    @EnumSource(Rings.class)
    void framesWaitUntilTheirRingIsEnabled(final Rings rings) {
        try (Datapath datapath = stepped();
             TestGuest a = guest(datapath, "a", rings);
             TestGuest b = guest(datapath, "b", rings).start()) {
            int base = freshBase(a);
            for (int round = 0; round < 20; round++) {
                a.transmit.get(0).call.drain();
                startDisabled(a, base);
                send(a, FRAMES);
                final byte[] before = memory(a);
                for (int i = 0; i < 9; i++) {
                    run(datapath);
                    nanos += SECOND / 10;
                }
                assertArrayEquals(before, memory(a), "nothing is written before the ring is enabled");
                assertFalse(a.transmit.get(0).call.drain());
                assertTrue(a.port.queues().get(1).started());
                a.port.enableRing(1, true);
                run(datapath);
                assertEquals(FRAMES, a.reap());
                assertEquals(FRAMES, b.received().size());
                base = a.port.stopRing(1);
                a.port.enableRing(1, false);
            }
            assertEquals(Map.of(), a.port.statistics().drops());
        }
    }

    @ParameterizedTest
    @EnumSource(Rings.class)
    void framesAreDiscardedAfterOneSecondAndOnceTheRingIsDisabledAgain(final Rings rings) {
        try (Datapath datapath = stepped();
             TestGuest a = guest(datapath, "a", rings);
             TestGuest b = guest(datapath, "b", rings).start()) {
            startDisabled(a, freshBase(a));
            send(a, FRAMES);
            run(datapath);
            nanos += SECOND - 1;
            run(datapath);
            assertEquals(0, a.reap());
            a.port.enableRing(1, false); // it is disabled already
            run(datapath);
            assertEquals(0, a.reap());
            nanos++;
            run(datapath);
            assertEquals(FRAMES, a.reap());
            assertEquals(Map.of(DropReason.QUEUE_DISABLED, (long) FRAMES), a.port.statistics().drops());
            a.port.enableRing(1, true);
            send(a, FRAMES);
            run(datapath);
            assertEquals(FRAMES, a.reap());
            assertEquals(FRAMES, b.received().size());
            a.port.enableRing(1, false);
            send(a, FRAMES);
            run(datapath);
            assertEquals(FRAMES, a.reap());
            assertEquals(Map.of(DropReason.QUEUE_DISABLED, 2L * FRAMES), a.port.statistics().drops());
        }
    }

    @ParameterizedTest
    @EnumSource(Rings.class)
    void aWaitingRingCanBeSuspendedMovedStoppedAndGivenOtherEvents(final Rings rings) {
        try (Datapath datapath = stepped();
             TestGuest a = guest(datapath, "a", rings);
             TestGuest b = guest(datapath, "b", rings).start()) {
            startDisabled(a, freshBase(a));
            send(a, FRAMES);
            for (int i = 0; i < 5; i++) {
                run(datapath);
                nanos += SECOND / 2;
                run(datapath);
                a.port.suspend(SuspendCause.FRONT_END);
                nanos += 2 * SECOND;
                run(datapath);
                a.port.enableRing(1, false);
                a.port.setRingEvents(1, a.transmit.get(0).events());
                a.port.resume(SuspendCause.FRONT_END);
                a.port.setRingEvents(1, a.transmit.get(0).events());
                a.port.remap(a.memory, new RingAddresses[] {null, a.transmit.get(0).ring.addresses()});
                final int base = a.port.stopRing(1);
                assertEquals(freshBase(a), base);
                startDisabled(a, base);
                datapath.balance();
            }
            assertEquals(0, a.reap());
            a.port.suspend(SuspendCause.FRONT_END);
            a.port.enableRing(1, true);
            run(datapath);
            assertEquals(0, a.reap());
            a.port.resume(SuspendCause.FRONT_END);
            run(datapath);
            assertEquals(FRAMES, a.reap());
            assertEquals(FRAMES, b.received().size());
            assertEquals(Map.of(), a.port.statistics().drops());
        }
    }

    /** A worker that sleeps wakes by itself, without a command or a kick. */
    @ParameterizedTest
    @CsvSource({"1, BUSY", "1, ADAPTIVE", "2, ADAPTIVE"})
    void theWaitEndsByItself(final int workers, final PollMode poll) {
        try (Datapath datapath = Datapath.start(new DatapathOptions(workers, List.of(), poll, 1024,
            Duration.ofMinutes(5)),
                 Throwable::printStackTrace);
             TestGuest a = guest(datapath, "a", Rings.SPLIT); TestGuest b = guest(datapath, "b", Rings.PACKED)) {
            for (final TestGuest guest : List.of(a, b)) {
                startDisabled(guest, freshBase(guest));
                send(guest, FRAMES);
            }
            int back = 0;
            while (back < 2 * FRAMES) {
                LockSupport.parkNanos(1_000_000);
                back += a.reap() + b.reap();
            }
            assertEquals(Map.of(DropReason.QUEUE_DISABLED, (long) FRAMES), a.port.statistics().drops());
            assertEquals(Map.of(DropReason.QUEUE_DISABLED, (long) FRAMES), b.port.statistics().drops());
        }
    }
}
