package io.ringbridge.bench.trial;

import java.util.Arrays;

/**
 * Measures the calling thread's processor with short loops of shifts and exclusive ors, which take one cycle each.
 *
 * <p>One chain of dependent operations shows the clock. Several independent chains show how many operations the
 * processor completes at once, which is fewer if the host runs something else on the same core.
 */
final class Core {
    private static final int STEPS = 300;
    private static final int SERIES = 120;
    private static final int OPERATIONS = 6;
    private static final int CHAINS = 4;

    private long seed = 88_172_645_463_325_252L;

    /**
     * The speed of a processor.
     *
     * @param clockGhz the clock
     * @param operationsPerNano simple operations completed per nanosecond
     */
    record Speed(double clockGhz, double operationsPerNano) {
        /** Returns the lower of both values of two processors. */
        Speed slower(final Speed other) {
            return new Speed(Math.min(clockGhz, other.clockGhz),
                Math.min(operationsPerNano, other.operationsPerNano));
        }
    }

    /** Measures for about 1 ms. Series in which the thread waited for its processor do not count. */
    Speed speed() {
        final double[] chain = new double[SERIES];
        final double[] chains = new double[SERIES];
        for (int i = 0; i < SERIES; i++) {
            final long start = System.nanoTime();
            seed = chain(seed);
            final long middle = System.nanoTime();
            seed = chains(seed);
            chain[i] = middle - start;
            chains[i] = System.nanoTime() - middle;
        }
        Arrays.sort(chain);
        Arrays.sort(chains);
        return new Speed(OPERATIONS * STEPS / chain[SERIES / 2], CHAINS * OPERATIONS * STEPS / chains[SERIES / 2]);
    }

    private static long chain(final long start) {
        long x = start;
        for (int i = 0; i < STEPS; i++) {
            x = next(x);
        }
        return x;
    }

    private static long chains(final long start) {
        long a = start;
        long b = start + 1;
        long c = start + 2;
        long d = start + CHAINS;
        for (int i = 0; i < STEPS; i++) {
            a = next(a);
            b = next(b);
            c = next(c);
            d = next(d);
        }
        return (a ^ b ^ c ^ d) | 1;
    }

    /** Marsaglia's xorshift: six operations, each of which needs the result of the previous one. */
    private static long next(final long state) {
        long x = state;
        x ^= x << 13;
        x ^= x >>> 7;
        x ^= x << 17;
        return x;
    }
}
