package io.ringbridge.control.handover;

import java.util.concurrent.TimeUnit;

/**
 * Where a link's thread stands still while what it owns is handed to another process: a back-end's between two messages, or while it
 * waits for a front-end. What it did before is visible to whoever finds it standing, and the other way round when it goes on.
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
 * <p>{@link #stand} and {@link #pause} are for the link's thread, the rest is for others.
 */
public final class Standstill {
    private volatile Phase phase = Phase.GOING;

    private enum Phase { GOING, ASKED, STANDING, LEFT, ENDING }

    /** Whether the thread is to go on serving, now or when it has stood. */
    public boolean isOpen() {
        return phase != Phase.LEFT && phase != Phase.ENDING;
    }

    /** Whether the thread is to come here. */
    public boolean isAsked() {
        return phase == Phase.ASKED;
    }

    /** Whether another process has taken over. */
    public boolean isLeft() {
        return phase == Phase.LEFT;
    }

    private synchronized void become(final Phase next) {
        phase = next;
        notifyAll();
    }

    /** Asks the thread to stand still. */
    public synchronized void ask() {
        if (phase == Phase.GOING) {
            become(Phase.ASKED);
        }
    }

    /** Returns when the thread stands still; false when it does not within the limit. */
    public synchronized boolean await(final long limitMillis) throws InterruptedException {
        awaitChange(Phase.ASKED, limitMillis);
        return phase == Phase.STANDING;
    }

    /** Waits while a phase lasts, so long at the most. */
    private void awaitChange(final Phase lasting, final long limitMillis) throws InterruptedException {
        final long begun = System.nanoTime();
        long left = limitMillis;
        while (phase == lasting && left > 0) {
            wait(left);
            left = limitMillis - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begun);
        }
    }

    /** Stands still where that is asked for, until told how to go on. */
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

    /** Lets some time pass, less where there is something to do. */
    public synchronized void pause(final long millis) throws InterruptedException {
        awaitChange(Phase.GOING, millis);
    }

    /** Lets the thread go on as if nothing had been. */
    public synchronized void goOn() {
        if (phase == Phase.ASKED || phase == Phase.STANDING) {
            become(Phase.GOING);
        }
    }

    /** Lets the thread leave everything to another process. */
    public void leave() {
        become(Phase.LEFT);
    }

    /** Lets the thread end. */
    public void end() {
        become(Phase.ENDING);
    }
}
