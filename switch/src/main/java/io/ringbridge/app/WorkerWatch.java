package io.ringbridge.app;

import io.ringbridge.datapath.worker.WorkerListener;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs what goes wrong with workers, and ends the process when one of them ends: its ports would be served no more, while a supervisor that
 * sees the process end starts it again, and guests come back.
 */
final class WorkerWatch implements WorkerListener {
    /** The exit status of a switch that a worker has failed, {@code EX_SOFTWARE} of {@code sysexits.h}. */
    static final int EXIT_STATUS = 70;

    private static final Logger LOG = LoggerFactory.getLogger(WorkerWatch.class);
    private static final long NANOS_PER_SECOND = 1_000_000_000L;
    /** How long the end of the process waits for its line in the log, should whoever reads that not read. */
    private static final long LOG_MILLIS = 1000;

    private long lastLine = System.nanoTime() - NANOS_PER_SECOND;
    private long left;

    @Override
    public void failed(final String worker, final Throwable why) {
        if (mayLog()) {
            LOG.error("{} failed and goes on{}", worker, notLogged(), why);
        }
    }

    @Override
    public void unexplained(final String worker, final String what) {
        if (mayLog()) {
            LOG.error("{}: {}{}", worker, what, notLogged());
        }
    }

    /** One line per second, of all workers. */
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
        return lines == 0 ? "" : "; " + lines + " more such lines were left out";
    }

    /** Ends the process at once, as SIGKILL would: no hook and no lock can hold it up, and what is kept for the next start stays valid. */
    @Override
    public void ended(final String worker, final Throwable why) {
        try {
            final Thread line = Thread.ofPlatform().daemon().name("rb-last-line").start(() ->
                LOG.error("{} has ended, so the switch ends with status {}: {}", worker, EXIT_STATUS, why, why));
            line.join(LOG_MILLIS);
        } catch (final Throwable e) { // there may be no memory left for it
            // The status has to do.
        } finally {
            Runtime.getRuntime().halt(EXIT_STATUS);
        }
    }
}
