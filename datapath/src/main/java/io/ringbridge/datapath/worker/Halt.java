package io.ringbridge.datapath.worker;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Stops the threads of all workers where no frame is on its way: each takes no more frames, and stands once all do so and it has nothing
 * left. That is one change of threads a worker, where asking each for one thing after the other would be one a question.
 */
final class Halt {
    /** One for each worker that takes no more frames. A command that is run again after a fault notes that again. */
    private final AtomicIntegerArray held;
    private final CountDownLatch going;
    private final CountDownLatch end = new CountDownLatch(1);

    Halt(final int workers) {
        held = new AtomicIntegerArray(workers);
        going = new CountDownLatch(workers);
    }

    /** Notes that a worker takes no more frames. On its thread. */
    void held(final int worker) {
        held.set(worker, 1);
    }

    /** Whether no worker takes frames: one that has nothing left gets nothing more. */
    boolean allHeld() {
        for (int i = 0; i < held.length(); i++) {
            if (held.get(i) == 0) {
                return false;
            }
        }
        return true;
    }

    /** Returns at the end. On a worker's thread, which has no fault to be raised: another thread may act in its place now. */
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
