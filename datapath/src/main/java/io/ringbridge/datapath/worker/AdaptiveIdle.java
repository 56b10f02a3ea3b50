package io.ringbridge.datapath.worker;

import org.agrona.concurrent.IdleStrategy;

/** Spins for a while after the last frame, then sleeps until there is something to do. Owned by the worker's thread. */
final class AdaptiveIdle implements IdleStrategy {
    /** How long to spin: longer than a guest's usual pause between bursts, too short to be seen in a load average. */
    private static final long SPIN_NANOS = 100_000;

    private final Worker worker;

    AdaptiveIdle(final Worker worker) {
        this.worker = worker;
    }

    @Override
    public void idle(final int workCount) {
        if (workCount == 0) {
            idle();
        }
    }

    @Override
    public void idle() {
        if (worker.idleNanos() < SPIN_NANOS) {
            Thread.onSpinWait();
        } else {
            worker.sleep();
        }
    }

    @Override
    public void reset() {
        // the worker knows when it last had work
    }

    @Override
    public String alias() {
        return "adaptive";
    }
}
