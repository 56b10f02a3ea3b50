package io.ringbridge.control.handover;

import java.util.concurrent.TimeUnit;

/**
 * The point at which a link's thread pauses while another process receives what the thread owns. A back-end's thread
 * pauses between two messages, or while it waits for a front-end.
 *
 * <p>Everything the link's thread wrote before {@link #pauseIfRequested} is visible to the thread that
 * {@link #awaitPaused} returns to. Everything written before {@link #resume} is visible to the link's thread when it
 * resumes.
 *
 * <pre>
 *             request           pauseIfRequested           resume
 *   RUNNING ----------> REQUESTED -----------------> PAUSED --------> RUNNING
 *      |                    |                         |  |
 *      +--------------------+---------- end ----------+  +-- relinquish --> RELINQUISHED
 *                           v
 *                        ENDING
 * </pre>
 *
 * <p>Only the link's thread calls {@link #pauseIfRequested} and {@link #sleep}. Other threads call the rest.
 */
public final class PausePoint {
    private volatile Phase phase = Phase.RUNNING;

    private enum Phase { RUNNING, REQUESTED, PAUSED, RELINQUISHED, ENDING }

    /** Whether the thread is to keep serving, now or once it resumes. */
    public boolean isOpen() {
        return phase != Phase.RELINQUISHED && phase != Phase.ENDING;
    }

    /** Whether the thread is asked to pause. */
    public boolean isRequested() {
        return phase == Phase.REQUESTED;
    }

    /** Whether another process owns the link now. */
    public boolean isRelinquished() {
        return phase == Phase.RELINQUISHED;
    }

    private synchronized void become(final Phase next) {
        phase = next;
        notifyAll();
    }

    /** Asks the thread to pause. */
    public synchronized void request() {
        if (phase == Phase.RUNNING) {
            become(Phase.REQUESTED);
        }
    }

    /**
     * Waits until the thread has paused.
     *
     * @return false if it has not paused within the limit
     */
    public synchronized boolean awaitPaused(final long limitMillis) throws InterruptedException {
        awaitChange(Phase.REQUESTED, limitMillis);
        return phase == Phase.PAUSED;
    }

    /** Waits while a phase lasts, but no longer than the limit. */
    private void awaitChange(final Phase lasting, final long limitMillis) throws InterruptedException {
        final long begun = System.nanoTime();
        long left = limitMillis;
        while (phase == lasting && left > 0) {
            wait(left);
            left = limitMillis - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun);
        }
    }

    /** Pauses the calling thread if that was asked for, until another thread resumes it or ends it. */
    public synchronized void pauseIfRequested() {
        boolean interrupted = false;
        if (phase == Phase.REQUESTED) {
            become(Phase.PAUSED);
        }
        while (phase == Phase.PAUSED) {
            try {
                wait();
            } catch (final InterruptedException e) {
                interrupted = true; // another thread may be reading what this one owns
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** Sleeps for some time. Returns early if the phase changes. */
    public synchronized void sleep(final long millis) throws InterruptedException {
        awaitChange(Phase.RUNNING, millis);
    }

    /** Resumes the thread, or withdraws the request if it has not paused yet. */
    public synchronized void resume() {
        if (phase == Phase.REQUESTED || phase == Phase.PAUSED) {
            become(Phase.RUNNING);
        }
    }

    /** Makes the thread relinquish everything to another process. */
    public void relinquish() {
        become(Phase.RELINQUISHED);
    }

    /** Makes the thread end. */
    public void end() {
        become(Phase.ENDING);
    }
}
