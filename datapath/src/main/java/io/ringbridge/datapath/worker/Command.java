package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.memory.Memory;

import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;

/** Something that another thread wants done on a worker's thread, and waits for. */
final class Command {
    /** Faults after which a command fails. Each fault costs a port, so that a command rarely meets two. */
    private static final int MOST_FAULTS = 16;

    private final Runnable action;
    private final CountDownLatch done = new CountDownLatch(1);
    private RuntimeException failure;

    Command(final Runnable action) {
        this.action = action;
    }

    /**
     * Runs the action until a run meets no fault in a guest's memory, and completes the command. The action is done then, or it has failed
     * with an exception of its own; it is never half done. An action has to bear being run again after it was cut short at any point.
     *
     * @param recover gives up the port whose memory a fault was in; a run after it finds nothing of that port to touch
     */
    void run(final Consumer<InternalError> recover) {
        int faults = 0;
        while (!runOnce(recover, faults == MOST_FAULTS)) {
            faults++;
        }
        done.countDown();
    }

    private boolean runOnce(final Consumer<InternalError> recover, final boolean last) {
        try {
            Memory.surfaceFault(); // one of an earlier access is not this command's
            failure = null;
            try {
                action.run();
            } catch (final RuntimeException e) {
                failure = e;
            }
            Memory.surfaceFault(); // one of the command's own that is raised later would leave it half done
            return true;
        } catch (final InternalError e) {
            recover.accept(e);
            if (last) {
                failure = new IllegalStateException("a command met " + (MOST_FAULTS + 1) + " faults in guests' memory in a row", e);
            }
            return last;
        }
    }

    void await() {
        await(done);
    }

    static void await(final CountDownLatch done) {
        boolean interrupted = false;
        while (true) {
            try {
                done.await();
                break;
            } catch (final InterruptedException e) {
                interrupted = true; // the caller's memory may not be taken away before the worker has let go of it
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    void rethrow() {
        if (failure != null) {
            throw failure;
        }
    }
}
