package io.ringbridge.datapath.os;

import java.util.concurrent.Semaphore;

/**
 * Closes descriptors whose file system may make the thread that closes them wait, which no signal ends.
 *
 * <p>Each has a thread of its own. There are at most {@link #THREADS}; beyond that the caller waits, which is a port's own
 * thread. Any thread may call.
 */
final class SlowClose {
    private static final int THREADS = 64;
    /** The wait for a file system that answers, so that a descriptor is nearly always closed when the call returns. */
    private static final long PATIENCE_MILLIS = 100;
    private static final Semaphore FREE = new Semaphore(THREADS);

    private SlowClose() {
    }

    static void close(final int fd) {
        if (!FREE.tryAcquire()) {
            Fd.close(fd);
            return;
        }
        final boolean othersWait = FREE.availablePermits() < THREADS - 1;
        final Thread thread = Thread.ofPlatform().daemon().name("rb-close").start(() -> {
            try {
                Fd.close(fd);
            } finally {
                FREE.release();
            }
        });
        if (!othersWait) {
            await(thread);
        }
    }

    private static void await(final Thread thread) {
        try {
            thread.join(PATIENCE_MILLIS);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
