package io.ringbridge.datapath;

import io.ringbridge.datapath.port.LatencyReading;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.UplinkPort;
import io.ringbridge.datapath.worker.PollMode;
import io.ringbridge.testkit.Await;
import io.ringbridge.testkit.Frames;
import io.ringbridge.testkit.Rings;
import io.ringbridge.testkit.TestGuest;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** The latency of sampled frames, as a reader of the port sees it. */
@Timeout(60)
class LatencyTest {
    private static final double[] PERCENTILES = {1, 50, 90, 99, 99.9, 100};

    private static DatapathOptions options(final int workers, final int sample) {
        return new DatapathOptions(workers, List.of(), PollMode.BUSY, 1024, Duration.ofMinutes(5))
            .withLatencySample(sample);
    }

    private static Datapath stepped(final int workers, final int sample, final LongSupplier clock) {
        return Datapath.stepped(options(workers, sample), clock);
    }

    private static void run(final Datapath datapath) {
        while (datapath.step() > 0) {
            Thread.onSpinWait();
        }
    }

    private static long samples(final Port port) {
        final LatencyReading reading = port.latency();
        assertEquals(reading.total().getTotalCount(), reading.inFrameRing().getTotalCount());
        return reading.total().getTotalCount();
    }

    /** Sends frames from station 1 to station 2, in bursts. */
    private static void send(final Datapath datapath, final TestGuest a, final TestGuest b, final int bursts,
                             final int burst) {
        for (int i = 0; i < bursts; i++) {
            final long mark = a.mark();
            for (int frame = 0; frame < burst; frame++) {
                a.send(Frames.ethernet(2, 1, 60));
            }
            run(datapath);
            assertEquals(burst, a.reap());
            assertEquals(burst, b.received().size());
            a.release(mark);
        }
    }

    @ParameterizedTest
    @CsvSource({"1, SPLIT, 64, 60, 128, 30", "1, PACKED, 1, 300, 100, 3", "2, SPLIT, 64, 60, 128, 30",
        "3, PACKED_IN_ORDER, 7, 100, 100, 7", "1, SPLIT, 10, 100, 1, 100", "2, SPLIT, 64, 60, 0, 0",
        "1, PACKED, 64, 60, 0, 0"})
    void oneOfSoManyFramesIsMeasured(final int workers, final Rings rings, final int burst, final int bursts,
                                     final int sample, final long expected) {
        try (Datapath datapath = stepped(workers, sample, System::nanoTime);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500), rings);
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500), rings);
             TestGuest c = TestGuest.up(datapath.addGuestPort("c", 1, 1500), rings)) {
            b.send(Frames.broadcast(2, 60));
            run(datapath);
            a.received();
            send(datapath, a, b, bursts, burst);
            assertEquals(expected, samples(b.port));
            assertEquals(0, samples(a.port) + samples(c.port), "a sample belongs to the port that receives");
            final LatencyReading reading = b.port.latency();
            for (int i = 1; i < PERCENTILES.length; i++) {
                assertTrue(value(reading.total(), i - 1) <= value(reading.total(), i));
                assertTrue(value(reading.inFrameRing(), i) <= value(reading.total(), i));
            }
        }
    }

    private static long value(final Histogram histogram, final int percentile) {
        return histogram.getValueAtPercentile(PERCENTILES[percentile]);
    }

    @Test
    void framesThatAreFloodedOrDroppedAreNotMeasured() {
        try (Datapath datapath = stepped(1, 1, System::nanoTime);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500));
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 68))) {
            b.send(Frames.broadcast(2, 60));
            for (int i = 0; i < 10; i++) {
                a.send(Frames.broadcast(1, 60));
                a.send(Frames.ethernet(1, 1, 60));
                run(datapath);
            }
            assertEquals(0, samples(b.port));
            a.send(Frames.ethernet(2, 1, 1000));
            run(datapath);
            assertEquals(0, samples(b.port), "the frame exceeds the MTU");
            a.send(Frames.ethernet(2, 1, 60));
            run(datapath);
            assertEquals(1, samples(b.port), "the next frame is measured");
        }
    }

    /** A frame is found in a burst whose other frames cannot be measured, at whatever place it is. */
    @Test
    void aBurstWithOneFrameThatCanBeMeasuredIsSampled() {
        try (Datapath datapath = stepped(1, 50, System::nanoTime);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500));
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500))) {
            b.send(Frames.broadcast(2, 60));
            run(datapath);
            for (int burst = 0; burst < 100; burst++) {
                final long mark = a.mark();
                for (int i = 0; i < 10; i++) {
                    a.send(i == 3 ? Frames.ethernet(2, 1, 60) : Frames.broadcast(1, 60));
                }
                run(datapath);
                a.reap();
                b.received();
                a.release(mark);
            }
            assertTrue(samples(b.port) >= 5, "of 1000 frames in bursts that are all alike");
        }
    }

    /** The clock shows how long each part takes: it moves by a step per reading, and the parts are read in order. */
    @Test
    void theTotalIncludesTheTimeInTheFrameRing() {
        final AtomicLong nanos = new AtomicLong();
        try (Datapath datapath = stepped(1, 1, () -> nanos.addAndGet(1_000));
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500));
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500))) {
            b.send(Frames.broadcast(2, 60));
            run(datapath);
            a.send(Frames.ethernet(2, 1, 60));
            run(datapath);
            final LatencyReading reading = b.port.latency();
            assertEquals(1, samples(b.port));
            assertTrue(reading.inFrameRing().getMaxValue() >= 1_000);
            assertTrue(reading.total().getMaxValue() >= 3 * reading.inFrameRing().getMinValue());
        }
    }

    @Test
    void aFrameWaitsInTheFrameRingOfAWorkerThatIsHeld() throws InterruptedException {
        try (Datapath datapath = Datapath.start(options(2, 1), Throwable::printStackTrace);
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500));
             TestGuest b = TestGuest.up(datapath.addGuestPort("b", 1, 1500))) {
            b.send(Frames.broadcast(2, 60));
            Await.until(() -> a.received().size() == 1);
            final CountDownLatch held = new CountDownLatch(1);
            final CountDownLatch release = new CountDownLatch(1);
            final Thread holder = Thread.ofPlatform().start(() -> b.port.receivers()[0].owner().execute(() -> {
                held.countDown();
                while (release.getCount() > 0) {
                    Thread.onSpinWait();
                }
            }));
            held.await();
            a.send(Frames.ethernet(2, 1, 60));
            Await.until(() -> a.port.statistics().inFrames() == 1);
            final long waiting = System.nanoTime();
            Thread.sleep(20);
            final long waited = System.nanoTime() - waiting;
            release.countDown();
            holder.join();
            Await.until(() -> b.received().size() == 1);
            Await.until(() -> b.port.latency().inFrameRing().getTotalCount() == 1); // recorded last
            assertEquals(1, samples(b.port));
            final LatencyReading reading = b.port.latency();
            assertTrue(reading.inFrameRing().getMaxValue() >= waited, "the wait is in the frame ring");
            assertTrue(reading.total().getMaxValue() >= reading.inFrameRing().getMaxValue());
        }
    }

    @Test
    void anUplinkIsMeasuredToo() {
        try (Datapath datapath = stepped(1, 1, System::nanoTime); Wire wire = new Wire();
             TestGuest a = TestGuest.up(datapath.addGuestPort("a", 1, 1500))) {
            final UplinkPort uplink = datapath.addUplinkPort("u", 1, 1500);
            wire.given.add(Frames.broadcast(2, 60));
            uplink.attach(List.of(wire), true);
            run(datapath);
            a.received();
            a.send(Frames.ethernet(2, 1, 60));
            run(datapath);
            assertEquals(1, samples(uplink));
            uplink.detach();
        }
    }
}
