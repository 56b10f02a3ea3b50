package io.ringbridge.datapath.worker;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * A rendezvous that freezes all workers at a point where no frame is in flight. Each worker stops taking frames, drains
 * its frames once every worker has stopped, and then stands. Freezing costs one context switch per worker, whereas
 * commands would cost one each.
 */
final class Freeze {
    /** Element i is 1 if worker i takes no more frames. Setting it twice is harmless, as when a command runs again. */
    private final AtomicIntegerArray paused;
    private final CountDownLatch standing;
    private final CountDownLatch end = new CountDownLatch(1);

    Freeze(final int workers) {
        paused = new AtomicIntegerArray(workers);
        standing = new CountDownLatch(workers);
    }

    /** Records that a worker takes no more frames. Called on the worker's thread. */
    void markPaused(final int worker) {
        paused.set(worker, 1);
    }

    /** Returns whether no worker takes frames. A worker that is drained then stays drained. */
    boolean allPaused() {
        for (int i = 0; i < paused.length(); i++) {
            if (paused.get(i) == 0) {
                return false;
            }
        }
        return true;
    }

    /**
     * Stands until {@link #end}. Called on a worker's thread with no fault outstanding, since another thread may run
     * its commands from now on.
     */
    void awaitThaw() {
        standing.countDown();
        Command.await(end);
    }

    /** Waits until all workers stand. Their earlier writes are visible to the caller then. */
    void awaitFrozen() {
        Command.await(standing);
    }

    /** Resumes all workers. The caller's earlier writes are visible to them. */
    void thaw() {
        end.countDown();
    }
}
