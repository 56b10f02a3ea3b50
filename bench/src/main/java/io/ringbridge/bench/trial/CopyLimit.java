package io.ringbridge.bench.trial;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.ThreadTuning;

import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/**
 * Measures how long one processor takes to copy a frame between the buffers of a pool. No switch that copies each frame
 * once can be faster.
 *
 * <p>The copies go through the whole pool, so their lines come from the same caches as those of the load.
 */
public final class CopyLimit implements AutoCloseable {
    private static final long PAGE = 1 << 21;
    private static final int LINE = 64;
    private static final int WARM_UP = 20;
    private static final double FASTER = 0.8;
    /** Longer than the compiler needs on a busy machine. */
    private static final long STEADY_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final int PASSES = 15;
    private static final int COPIES_PER_PASS = 1024;

    private final int cpu;
    private final int buffers;
    private final GuestRam pool;
    private final int stride;

    /**
     * Allocates a pool. Takes a fifth of a second or more, until the code is compiled.
     *
     * @param cpu the processor that copies
     * @param buffers the number of buffers, a power of two
     * @param bytes the size of a buffer
     */
    public CopyLimit(final int cpu, final int buffers, final int bytes) {
        this.cpu = cpu;
        this.buffers = buffers;
        // One more line, so that the buffers' first lines do not share a few sets of the caches.
        stride = (bytes + LINE - 1) / LINE * LINE + LINE;
        pool = allocate(((long) buffers * stride + PAGE - 1) & -PAGE);
        warmUp();
    }

    /** Copies until that has not become faster for a while, because the compiler has optimized the code. */
    private void warmUp() {
        double best = Double.MAX_VALUE;
        long improved = System.nanoTime();
        long now = improved;
        while (now - improved < STEADY_NANOS) {
            final double nanos = nanos(LINE);
            now = System.nanoTime();
            if (nanos < FASTER * best) {
                best = nanos;
                improved = now;
            }
        }
    }

    private static GuestRam allocate(final long bytes) {
        final String name = "copy-limit";
        try {
            return GuestRam.ofHugePages(name, bytes);
        } catch (OsException _) {
            return GuestRam.create(name, bytes);
        }
    }

    /**
     * Measures for a few milliseconds.
     *
     * @param length the bytes of a frame, at most those of a buffer
     * @return the median time of a copy, in nanoseconds
     */
    public double nanos(final int length) {
        final double[] passes = new double[PASSES];
        final Thread thread = Thread.ofPlatform().daemon().name("copy-limit").start(() -> {
            ThreadTuning.pin(cpu);
            int at = 0;
            for (int i = -WARM_UP; i < PASSES; i++) {
                final long start = System.nanoTime();
                at = copy(at, length);
                if (i >= 0) {
                    passes[i] = (double) (System.nanoTime() - start) / COPIES_PER_PASS;
                }
            }
        });
        try {
            thread.join();
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new BenchException("interrupted while measuring copies", e);
        }
        Arrays.sort(passes);
        return passes[PASSES / 2];
    }

    /** Copies from each buffer to the one half the pool away. */
    private int copy(final int from, final int length) {
        final long base = pool.address();
        final int mask = buffers - 1;
        int at = from;
        for (int i = 0; i < COPIES_PER_PASS; i++) {
            Memory.copy(base + (long) at * stride, base + (long) (at + buffers / 2 & mask) * stride, length);
            at = at + 1 & mask;
        }
        return at;
    }

    @Override
    public void close() {
        pool.close();
    }
}
