package io.ringbridge.control.handover;

import java.util.concurrent.TimeUnit;

/**
 * The point at which a link's thread pauses while another process receives what the thread owns. A back-end's thread
 * pauses between two messages, or while it waits for a front-end.
 *
 * <p>Everything the link's thread wrote before {@link #stand} is visible to the thread that {@link #await} returns to.
 * Everything written before {@link #goOn} is visible to the link's thread when it resumes.
 *
 * <pre>
 *            ask                 stand               goOn
 *   GOING --------> ASKED -----------------> STANDING -----> GOING
 *     |               |                       |    |
 *     +---------------+------- end -----------+    +-- leave --> LEFT
 *                     v
 *                   ENDING
 * </pre>
 *
 * <p>Only the link's thread calls {@link #stand} and {@link #pause}. Other threads call the rest.
 */
public final class Standstill {
    private volatile Phase phase = Phase.GOING;

    private enum Phase { GOING, ASKED, STANDING, LEFT, ENDING }

    /** Whether the thread is to keep serving, now or once it resumes. */
    public boolean isOpen() {
        return phase != Phase.LEFT && phase != Phase.ENDING;
    }

    /** Whether the thread is asked to pause. */
    public boolean isAsked() {
        return phase == Phase.ASKED;
    }

    /** Whether another process owns the link now. */
    public boolean isLeft() {
        return phase == Phase.LEFT;
    }

    private synchronized void become(final Phase next) {
        phase = next;
        notifyAll();
    }

    /** Asks the thread to pause. */
    public synchronized void ask() {
        if (phase == Phase.GOING) {
            become(Phase.ASKED);
        }
    }

    /**
     * Waits until the thread has paused.
     *
     * @return false if it has not paused within the limit
     */
    public synchronized boolean await(final long limitMillis) throws InterruptedException {
        awaitChange(Phase.ASKED, limitMillis);
        return phase == Phase.STANDING;
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
    public synchronized void stand() {
        boolean interrupted = false;
        if (phase == Phase.ASKED) {
            become(Phase.STANDING);
        }
        while (phase == Phase.STANDING) {
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
    public synchronized void pause(final long millis) throws InterruptedException {
        awaitChange(Phase.GOING, millis);
    }

    /** Resumes the thread, or withdraws the request if it has not paused yet. */
    public synchronized void goOn() {
        if (phase == Phase.ASKED || phase == Phase.STANDING) {
            become(Phase.GOING);
        }
    }

    /** Makes the thread relinquish everything to another process. */
    public void leave() {
        become(Phase.LEFT);
    }

    /** Makes the thread end. */
    public void end() {
        become(Phase.ENDING);
    }
}
