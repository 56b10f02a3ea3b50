package io.ringbridge.datapath.worker;

import org.agrona.concurrent.IdleStrategy;

/** Spins for a while after the last frame, then sleeps until there is work. Owned by the worker's thread. */
final class AdaptiveIdle implements IdleStrategy {
    /** The time to spin: longer than a guest's usual gap between bursts, too short to show in a load average. */
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
        // the worker records when it last had work
    }

    @Override
    public String alias() {
        return "adaptive";
    }
}
