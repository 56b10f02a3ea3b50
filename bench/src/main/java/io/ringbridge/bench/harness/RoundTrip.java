package io.ringbridge.bench.harness;

import io.ringbridge.datapath.os.ThreadTuning;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * How long a cache line takes from one processor to another and back, in nanoseconds.
 *
 * <p>Where the processors are virtual, their host may move them: one moment they share a cache, the next they do not, and whatever
 * passes memory between them becomes several times slower. Two measurements can only be compared when this figure was the same. Works
 * beside a load on both processors: of many short series the fastest counts, in which neither side waited for its turn.
 */
public final class RoundTrip {
    private static final int SERIES = 64;
    private static final long PERIOD_NANOS = 2_000_000;
    private static final long LIMIT_NANOS = 100_000_000;
    /** Slower than any way between two processors: one of the two sides waited for its turn in every series. */
    private static final double WAITED = 2000;
    private static final int PRACTICE = 200;
    private static final int BALL = 16;
    private static final int END = -1;

    private final int here;
    private final int there;

    /** Between two processors, by their numbers. Takes half a second, for the code to be compiled. */
    public RoundTrip(final int here, final int there) {
        this.here = here;
        this.there = there;
        for (int i = 0; i < PRACTICE; i++) {
            nanos();
        }
    }

    /** Measures, for 2 milliseconds, or up to 100 where other threads keep the two sides from running at the same time; NaN if they did. */
    public double nanos() {
        final AtomicLongArray memory = new AtomicLongArray(2 * BALL);
        final double[] fastest = {Double.MAX_VALUE};
        final Thread peer = Thread.ofPlatform().daemon().name("round-trip-peer").start(() -> {
            ThreadTuning.pin(there);
            giveBack(memory);
        });
        final Thread own = Thread.ofPlatform().daemon().name("round-trip").start(() -> {
            ThreadTuning.pin(here);
            fastest[0] = serve(memory);
        });
        join(own);
        join(peer);
        return fastest[0] < WAITED ? fastest[0] : Double.NaN;
    }

    private static double serve(final AtomicLongArray memory) {
        final long start = System.nanoTime();
        double fastest = Double.MAX_VALUE;
        long ball = 0;
        long now = start;
        while (now - start < (fastest < WAITED ? PERIOD_NANOS : LIMIT_NANOS)) {
            final long before = now;
            for (int i = 0; i < SERIES; i++) {
                ball += 2;
                memory.setRelease(BALL, ball - 1);
                while (memory.getAcquire(BALL) != ball) {
                    Thread.onSpinWait();
                }
            }
            now = System.nanoTime();
            fastest = Math.min(fastest, (double) (now - before) / SERIES);
        }
        memory.setRelease(BALL, END);
        return fastest;
    }

    private static void giveBack(final AtomicLongArray memory) {
        long ball = 0;
        while (ball != END) {
            ball = memory.getAcquire(BALL);
            if (ball > 0 && (ball & 1) != 0) {
                memory.setRelease(BALL, ball + 1);
            } else {
                Thread.onSpinWait();
            }
        }
    }

    private static void join(final Thread thread) {
        try {
            thread.join();
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new HarnessException("interrupted", e);
        }
    }
}
