package io.ringbridge.datapath.os;

import java.util.concurrent.Semaphore;

/**
 * Closes descriptors whose close may block in the file system, uninterruptibly.
 *
 * <p>Each descriptor gets its own thread, up to {@link #THREADS}. Beyond that limit, the calling thread closes the
 * descriptor and may wait, which delays only its own port. Any thread may call.
 */
final class SlowClose {
    private static final int THREADS = 64;
    /** The wait for the close, so that the descriptor is nearly always closed when the call returns. */
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
