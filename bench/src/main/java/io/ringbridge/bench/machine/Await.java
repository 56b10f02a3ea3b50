package io.ringbridge.bench.machine;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for conditions by polling. */
public final class Await {
    private static final long STEP_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private Await() {
    }

    /**
     * Polls until the condition holds.
     *
     * @param what the name of the condition, for the error message
     * @throws BenchException if the condition does not hold within the limit
     */
    public static void until(final String what, final Duration limit, final BooleanSupplier condition) {
        if (!holds(limit, condition)) {
            throw new BenchException("waited " + limit.toSeconds() + " s for " + what);
        }
    }

    /**
     * Polls until the condition holds or the limit has passed.
     *
     * @return whether the condition holds
     */
    public static boolean holds(final Duration limit, final BooleanSupplier condition) {
        final long start = System.nanoTime();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - start > limit.toNanos()) {
                return false;
            }
            LockSupport.parkNanos(STEP_NANOS);
        }
        return true;
    }

    /** Waits for a period over which something is measured. Do not use this to synchronise. */
    public static void pass(final Duration period) {
        final long start = System.nanoTime();
        for (long left = period.toNanos(); left > 0; left = period.toNanos() - (System.nanoTime() - start)) {
            LockSupport.parkNanos(left);
        }
    }
}
