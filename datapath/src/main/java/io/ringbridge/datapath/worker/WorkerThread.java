package io.ringbridge.datapath.worker;

import org.agrona.concurrent.IdleStrategy;

/**
 * The thread of a worker. It runs duty cycles until it is asked to end, whatever goes wrong in one; if it has to end before, the listener
 * hears of it.
 *
 * <p>A fault in guest memory may be raised at any point of the thread's code, this class included. What is caught is only noted, and dealt
 * with at the start of the next duty cycle, which is under the same protection.
 */
final class WorkerThread {
    private final Worker worker;
    private final IdleStrategy idle;
    private final WorkerListener listener;
    private final Thread thread;
    private volatile boolean ending;
    private InternalError fault;
    private RuntimeException failure;
    private int failures;

    private WorkerThread(final Worker worker, final IdleStrategy idle, final Runnable beforehand, final WorkerListener listener) {
        this.worker = worker;
        this.idle = idle;
        this.listener = listener;
        thread = Thread.ofPlatform().daemon().name(worker.roleName()).unstarted(() -> run(beforehand));
    }

    /**
     * Starts a worker's thread.
     *
     * @param beforehand what it does first
     */
    static WorkerThread start(final Worker worker, final IdleStrategy idle, final Runnable beforehand, final WorkerListener listener) {
        final WorkerThread made = new WorkerThread(worker, idle, beforehand, listener);
        made.thread.start();
        return made;
    }

    private void run(final Runnable beforehand) {
        try {
            beforehand.run();
            worker.onStart(listener);
            while (!ending) {
                runUntilSomethingIsThrown();
            }
        } catch (final Throwable e) { // of any kind: a thread that ends unheard serves nobody
            listener.ended(worker.roleName(), e);
        } finally {
            worker.onClose();
        }
    }

    private void runUntilSomethingIsThrown() {
        try {
            while (!ending) {
                goOn();
                idle.idle(worker.doWork());
                failures = 0;
            }
        } catch (final InternalError e) {
            fault = e;
        } catch (final RuntimeException e) {
            failure = e;
        }
    }

    /** Puts in order what the last duty cycle has left, if it was cut short. */
    private void goOn() {
        final InternalError lastFault = fault;
        final RuntimeException lastFailure = failure;
        if (lastFault == null && lastFailure == null) {
            return;
        }
        fault = null;
        failure = null;
        if (++failures > Worker.MOST_FAILURES) {
            throw new WorkerFailedError(Worker.MOST_FAILURES, lastFault != null ? lastFault : lastFailure);
        }
        if (lastFault != null) {
            worker.recover(lastFault);
        }
        if (lastFailure != null) {
            worker.recover(lastFailure);
        }
    }

    /** Ends the thread after the duty cycle under way, and returns when it has ended. */
    void close() {
        ending = true;
        worker.end();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (final InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
