package io.ringbridge.datapath.worker;

import org.agrona.concurrent.IdleStrategy;
import org.jspecify.annotations.Nullable;

import java.util.concurrent.ThreadFactory;

/**
 * The thread of a worker. It runs duty cycles until it is closed, whatever fails in one of them. If it ends before, it
 * reports that to the listener.
 *
 * <p>A fault in guest memory may be raised at any point of the thread's code, including this class. A catch block
 * therefore only records it. Recovery runs at the start of the next duty cycle, inside the same try block.
 */
final class WorkerThread {
    private final Worker worker;
    /** Read and written by this thread, once it has started. */
    private IdleStrategy idle;
    private final WorkerListener listener;
    private final Thread thread;
    private volatile boolean ending;
    private @Nullable InternalError fault;
    private @Nullable RuntimeException failure;
    private int failures;

    private WorkerThread(final Worker worker, final IdleStrategy idle, final Runnable beforehand,
                         final WorkerListener listener, final ThreadFactory factory) {
        this.worker = worker;
        this.idle = idle;
        this.listener = listener;
        thread = factory.newThread(() -> run(beforehand));
        thread.setName(worker.roleName());
    }

    /**
     * Starts a worker's thread.
     *
     * @param beforehand runs on the thread before the first duty cycle
     * @param factory creates the thread
     */
    static WorkerThread start(final Worker worker, final IdleStrategy idle, final Runnable beforehand,
                              final WorkerListener listener, final ThreadFactory factory) {
        final WorkerThread created = new WorkerThread(worker, idle, beforehand, listener, factory);
        created.thread.start();
        return created;
    }

    /** Changes the behaviour without work. Called on this thread, by a command. */
    void idle(final IdleStrategy newIdle) {
        idle = newIdle;
    }

    private void run(final Runnable beforehand) {
        try {
            beforehand.run();
            worker.onStart(listener);
            while (!ending) {
                runUntilSomethingIsThrown();
            }
        } catch (final Throwable e) { // any kind: no thread may end unreported
            listener.ended(worker.roleName(), e);
        } finally {
            worker.onClose();
        }
    }

    private void runUntilSomethingIsThrown() {
        try {
            while (!ending) {
                recoverFromLast();
                idle.idle(worker.doWork());
                failures = 0;
            }
        } catch (final InternalError e) {
            fault = e;
        } catch (final RuntimeException e) {
            failure = e;
        }
    }

    /** Recovers from the last duty cycle, if it was interrupted. */
    private void recoverFromLast() {
        final InternalError lastFault = fault;
        final RuntimeException lastFailure = failure;
        final Throwable last = lastFault != null ? lastFault : lastFailure;
        if (last == null) {
            return;
        }
        fault = null;
        failure = null;
        if (++failures > Worker.MAX_FAILURES) {
            throw new WorkerFailedError(Worker.MAX_FAILURES, last);
        }
        if (lastFault != null) {
            worker.recover(lastFault);
        }
        if (lastFailure != null) {
            worker.recover(lastFailure);
        }
    }

    /** Whether the thread has not ended. Any thread may call. */
    boolean isRunning() {
        return thread.isAlive();
    }

    /** Ends the thread after the current duty cycle. */
    void end() {
        ending = true;
        worker.end();
    }

    /** Waits until the thread has ended. */
    void join() {
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
