package io.ringbridge.datapath.worker;

import java.util.concurrent.CountDownLatch;

/**
 * Stops the threads of all workers where no frame is on its way: each takes no more frames, and stands once all do so and it has nothing
 * left. That is one change of threads a worker, where asking each for one thing after the other would be one a question.
 */
final class Halt {
    private final CountDownLatch taking;
    private final CountDownLatch going;
    private final CountDownLatch end = new CountDownLatch(1);

    Halt(final int workers) {
        taking = new CountDownLatch(workers);
        going = new CountDownLatch(workers);
    }

    /** Says that a worker takes no more frames. On its thread. */
    void held() {
        taking.countDown();
    }

    /** Whether no worker takes frames: one that has nothing left gets nothing more. */
    boolean allHeld() {
        return taking.getCount() == 0;
    }

    /** Returns at the end. On a worker's thread. */
    void stand() {
        going.countDown();
        Command.await(end);
    }

    /** Returns when all workers stand; what they did is visible then. */
    void await() {
        Command.await(going);
    }

    /** Lets them go on; what was done meanwhile is visible to them. */
    void end() {
        end.countDown();
    }
}
