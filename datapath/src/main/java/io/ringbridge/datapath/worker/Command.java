package io.ringbridge.datapath.worker;

import java.util.concurrent.CountDownLatch;

/** Something another thread wants done on a worker's, and waits for. */
final class Command {
    private final Runnable action;
    private final CountDownLatch done = new CountDownLatch(1);
    private RuntimeException failure;

    Command(final Runnable action) {
        this.action = action;
    }

    void run() {
        try {
            action.run();
        } catch (final RuntimeException e) {
            failure = e;
        } finally {
            done.countDown();
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
