package io.ringbridge.bench.machine;

import io.ringbridge.datapath.os.ThreadTuning;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Measures the round trip of a cache line between two processors, in nanoseconds.
 *
 * <p>The host may move virtual processors at any time. If they no longer share a cache, passing memory between them
 * becomes several times slower. Two measurements are comparable only if this round trip was equal. The method works
 * beside a load on both processors: it takes the fastest of many short series, in which neither side waited for its
 * processor.
 */
public final class RoundTrip {
    private static final int SERIES = 64;
    private static final long PERIOD_NANOS = 2_000_000;
    private static final long LIMIT_NANOS = 100_000_000;
    /**
     * Longer than any round trip between two processors. If no series is faster, one side waited for its processor in
     * all of them.
     */
    private static final double PREEMPTED_NANOS = 2000;
    private static final int WARM_UP_ROUNDS = 200;
    private static final int BALL = 16;
    private static final int END = -1;

    private final int here;
    private final int there;

    /**
     * Prepares measurements between two processors, given by number. Takes half a second, until the code is compiled.
     */
    public RoundTrip(final int here, final int there) {
        this.here = here;
        this.there = there;
        for (int i = 0; i < WARM_UP_ROUNDS; i++) {
            nanos();
        }
    }

    /**
     * Measures for 2 ms, or for up to 100 ms if other threads keep the two sides from running at the same time.
     *
     * @return the round trip, or NaN if the two sides never ran at the same time
     */
    public double nanos() {
        final AtomicLongArray memory = new AtomicLongArray(2 * BALL);
        final double[] fastest = {Double.MAX_VALUE};
        final Thread peer = Thread.ofPlatform().daemon().name("round-trip-peer").start(() -> {
            ThreadTuning.pin(there);
            returnBall(memory);
        });
        final Thread own = Thread.ofPlatform().daemon().name("round-trip").start(() -> {
            ThreadTuning.pin(here);
            fastest[0] = serve(memory);
        });
        join(own);
        join(peer);
        return fastest[0] < PREEMPTED_NANOS ? fastest[0] : Double.NaN;
    }

    private static double serve(final AtomicLongArray memory) {
        final long start = System.nanoTime();
        double fastest = Double.MAX_VALUE;
        long ball = 0;
        long now = start;
        while (now - start < (fastest < PREEMPTED_NANOS ? PERIOD_NANOS : LIMIT_NANOS)) {
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

    private static void returnBall(final AtomicLongArray memory) {
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
            throw new BenchException("interrupted while measuring the round trip", e);
        }
    }
}
