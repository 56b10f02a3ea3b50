package io.ringbridge.testkit;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for other threads. */
public final class Await {
    private Await() {
    }

    /** Waits until the condition is met, or the test's time limit interrupts the thread. */
    public static void until(final BooleanSupplier condition) {
        while (!condition.getAsBoolean()) {
            if (Thread.interrupted()) {
                throw new IllegalStateException("the test has timed out");
            }
            LockSupport.parkNanos(1); // yields the processor: there are more threads than processors
        }
    }
}
