package io.ringbridge.app;

import io.ringbridge.control.event.Events;
import io.ringbridge.datapath.worker.WorkerListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reports the failures of workers, and ends the process if a worker ends. Without the worker, its queues would not be
 * served; a supervisor restarts a process that ends, and the guests reconnect.
 */
final class WorkerWatch implements WorkerListener {
    /** The exit status of a switch one of whose workers ended, {@code EX_SOFTWARE} of {@code sysexits.h}. */
    static final int EXIT_STATUS = 70;

    private static final Logger LOG = LoggerFactory.getLogger(WorkerWatch.class);
    private static final long NANOS_PER_SECOND = 1_000_000_000L;
    /** The time that the process waits for its last log line if nothing reads standard error. */
    private static final long LOG_MILLIS = 1000;

    private final Events events;
    private long lastLine = System.nanoTime() - NANOS_PER_SECOND;
    private long left;

    WorkerWatch(final Events events) {
        this.events = events;
    }

    @Override
    public void failed(final String worker, final Throwable why) {
        if (mayLog()) {
            events.workerFailed(worker, worker + " failed and continues" + notLogged(), why);
        }
    }

    @Override
    public void unexplained(final String worker, final String what) {
        if (mayLog()) {
            events.workerFailed(worker, worker + ": " + what + notLogged(), null);
        }
    }

    /** Whether a line may be logged: one per second for all workers together. */
    private synchronized boolean mayLog() {
        final long now = System.nanoTime();
        if (now - lastLine < NANOS_PER_SECOND) {
            left++;
            return false;
        }
        lastLine = now;
        return true;
    }

    private synchronized String notLogged() {
        final long lines = left;
        left = 0;
        return lines == 0 ? "" : "; " + lines + " more such lines were suppressed";
    }

    /**
     * Ends the process at once, as SIGKILL would. No shutdown hook or lock can delay it, and the state kept for the
     * next start stays valid.
     */
    @Override
    public void ended(final String worker, final Throwable why) {
        try {
            final Thread line = Thread.ofPlatform().daemon().name("rb-last-line").start(() ->
                LOG.error("{} ended unexpectedly; the switch exits with status {}: {}", worker, EXIT_STATUS, why, why));
            line.join(LOG_MILLIS);
        } catch (final Throwable e) { // there may be no memory left for the log line
            // The exit status has to suffice.
        } finally {
            Runtime.getRuntime().halt(EXIT_STATUS);
        }
    }
}
