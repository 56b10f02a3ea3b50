package io.ringbridge.datapath;

import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.NumberedFrames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

/** Real threads: frames between ports of one or several workers, while rings stop and start. */
class WorkersTest {
    private static final int FRAMES = 20_000;
    private static final int WINDOW = 64;

    @ParameterizedTest
    @CsvSource({"1, BUSY, SPLIT", "1, ADAPTIVE, PACKED", "1, ADAPTIVE, SPLIT_IN_ORDER", "2, BUSY, PACKED_IN_ORDER",
        "2, ADAPTIVE, SPLIT",
        "2, ADAPTIVE, PACKED", "3, ADAPTIVE, SPLIT_IN_ORDER", "3, ADAPTIVE, PACKED_IN_ORDER"})
    void framesArriveOnceAndInOrder(final int workers, final PollMode poll, final Rings rings) {
        final AtomicReference<Throwable> error = new AtomicReference<>();
        try (Datapath datapath = Datapath.start(
                new DatapathOptions(workers, List.of(), poll, 1024, Duration.ofMinutes(5)), error::set);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500), rings);
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500), rings);
             TestGuest c = TestGuest.up(datapath.addGuestPort("c", 1, 1500), rings)) {
            b.send(Frames.broadcast(2, 60));
            a.transmit.get(0).kick.signal();
            b.transmit.get(0).kick.signal();
            Await.until(() -> c.received().size() == 1);
            final NumberedFrames numbered = new NumberedFrames(a.transmitter());
            final List<Long> got = new ArrayList<>();
            int next = 0;
            while (got.size() < FRAMES) {
                while (next < FRAMES && next - got.size() < WINDOW && numbered.send(next)) {
                    next++;
                }
                b.receive.getFirst().drain(frame -> got.add(NumberedFrames.number(frame)));
                LockSupport.parkNanos(1); // more threads than processors
                if (next % 2_000 == 1_999) {
                    restart(a);
                }
            }
            for (int i = 0; i < FRAMES; i++) {
                assertEquals(i, got.get(i));
            }
            assertEquals(0, c.received().size(), "a known destination goes nowhere else");
            assertEquals(FRAMES, a.port.statistics().inFrames());
        }
        assertNull(error.get());
    }

    private static void restart(final TestGuest guest) {
        final int base = guest.port.stopRing(1);
        guest.port.startRing(1, guest.transmit.get(0).config(base), guest.transmit.get(0).events());
    }
}
