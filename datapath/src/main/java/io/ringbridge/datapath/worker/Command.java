package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.memory.Memory;
import org.jspecify.annotations.Nullable;

import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;

/** An action that another thread submits to a worker. The submitter may wait for its completion. */
final class Command {
    /** The number of faults that a command survives. Each fault fails a port, so a command rarely meets two. */
    private static final int MAX_FAULTS = 16;

    private final Runnable action;
    private final CountDownLatch done = new CountDownLatch(1);
    private @Nullable RuntimeException failure;

    Command(final Runnable action) {
        this.action = action;
    }

    /**
     * Runs the action until a run meets no fault in guest memory, and completes the command. The action is then done,
     * or has failed with its own exception; it is never half done. A fault may interrupt the action at any point, and
     * the action must tolerate running again from the start.
     *
     * @param recover fails the port whose memory faulted, so that the next run does not access that memory
     */
    void run(final Consumer<InternalError> recover) {
        int faults = 0;
        while (!runOnce(recover, faults == MAX_FAULTS)) {
            faults++;
        }
        done.countDown();
    }

    private boolean runOnce(final Consumer<InternalError> recover, final boolean last) {
        try {
            Memory.surfaceFault(); // a fault of an earlier access is not this command's
            failure = null;
            try {
                action.run();
            } catch (final RuntimeException e) {
                failure = e;
            }
            Memory.surfaceFault(); // a fault of this command that was raised later would leave it half done
            return true;
        } catch (final InternalError e) {
            recover.accept(e);
            if (last) {
                failure = new IllegalStateException(
                    "a command met " + (MAX_FAULTS + 1) + " consecutive faults in guest memory", e);
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
                interrupted = true; // the caller may not unmap memory before the worker has released it
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
