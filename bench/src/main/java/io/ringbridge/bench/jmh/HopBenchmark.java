package io.ringbridge.bench.jmh;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

import java.util.concurrent.TimeUnit;

/**
 * The cost of receiving a frame on one worker and delivering it on another: a burst passes through a worker's
 * {@link FrameRing}, and its completion returns. The benchmark runs with a second thread, and within one thread for
 * comparison. Times are per frame.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 2, jvmArgs = {"--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED"})
public class HopBenchmark {
    private static final int BURST = 64;
    private static final int SIZE = 1024;
    private static final int LENGTH = 64;

    /** Whether another thread consumes the frames. */
    @Param({"false", "true"})
    private boolean hop;

    private FrameRing ring;
    private @Nullable Thread other;
    private volatile boolean ends;
    private long seen;

    @Setup
    public void start() {
        ring = new FrameRing(SIZE, false);
        if (hop) {
            other = Thread.ofPlatform().daemon().name("hop").start(() -> {
                while (!ends) {
                    consume();
                }
            });
        }
    }

    @TearDown
    public void end() throws InterruptedException {
        ends = true;
        if (other != null) {
            other.join();
        }
    }

    private void consume() {
        final long last = ring.published();
        final long first = ring.consumed() + 1;
        if (last < first) {
            Thread.onSpinWait();
            return;
        }
        long length = 0;
        for (long sequence = first; sequence <= last; sequence++) {
            length += ring.get(sequence).totalLength();
        }
        seen = length;
        ring.consumed(last);
    }

    /** Sends one burst, and waits for its completion before the next one. */
    @Benchmark
    @OperationsPerInvocation(BURST)
    public long burstThereAndBack() {
        return thereAndBack(BURST);
    }

    /** Sends one frame, and waits for its completion before the next one. */
    @Benchmark
    public long oneThereAndBack() {
        return thereAndBack(1);
    }

    private long thereAndBack(final int frames) {
        final long last = put(frames);
        while (ring.consumed() < last) {
            if (!hop) {
                consume();
            }
        }
        return seen;
    }

    /** Sends consecutive bursts, as many as the ring has room for. */
    @Benchmark
    @OperationsPerInvocation(BURST)
    public long stream() {
        final long last = put(BURST);
        if (!hop) {
            consume();
        }
        return last;
    }

    private long put(final int frames) {
        long last = ring.claim(frames);
        while (last == FrameRing.FULL) {
            Thread.onSpinWait();
            last = ring.claim(frames);
        }
        for (long sequence = last - frames + 1; sequence <= last; sequence++) {
            final Frame frame = ring.get(sequence);
            frame.set(sequence, LENGTH);
            frame.accept();
        }
        ring.publish(last - frames + 1, last);
        return last;
    }
}
