package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.port.QueueOwner;
import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * The assignment of queue pairs to workers. An uplink's queue counts as a pair.
 *
 * <p>The pairs of a new port are assigned round robin. When ports come and go, {@link #balance} moves pairs until the
 * workers' numbers of running pairs differ by at most one. All workers are paused and drained during a move, so the
 * frames of a flow stay in order and no two workers access a ring.
 *
 * <p>Any thread may call in.
 */
final class Placement {
    private final Worker[] workers;
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    /** Guarded by {@code this}. The pair that was moved longest ago comes first. */
    private final List<Seat> seats = new ArrayList<>();
    private int next;
    private boolean closed;
    /** Whether workers stay paused after a move or a freeze. Guarded by the write lock. */
    private boolean withheld;

    Placement(final Worker[] workers) {
        this.workers = workers;
    }

    /** Assigns a port's queue pairs to workers. If there is only one worker, pairs never move and need no seat. */
    synchronized QueueOwner[] place(final int port, final int pairs) {
        final QueueOwner[] owners = new QueueOwner[pairs];
        for (int pair = 0; pair < pairs; pair++) {
            owners[pair] = workers.length == 1 ? workers[0] : seat(port);
        }
        return owners;
    }

    private Seat seat(final int port) {
        final Seat seat = new Seat(port, lock.readLock(), workers[next]);
        next = (next + 1) % workers.length;
        seats.add(seat);
        return seat;
    }

    /** Removes the seats of a port that is detached. */
    synchronized void forget(final int port) {
        seats.removeIf(seat -> seat.port() == port);
    }

    /** Moves running pairs until the workers' numbers of running pairs differ by at most one. */
    void balance() {
        lock.writeLock().lock();
        try {
            final int[] running = closed ? new int[0] : countRunning();
            if (closed || spread(running) < 2) {
                return;
            }
            pauseAll();
            try {
                while (spread(running) > 1) {
                    move(running);
                }
            } finally {
                resumeAll();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** Runs an action while all workers are frozen, no frame is in flight, and no pair is moved. */
    void whileFrozen(final Runnable action) {
        lock.writeLock().lock();
        try {
            final Freeze freeze = new Freeze(workers.length);
            for (final Worker worker : workers) {
                worker.commands().submit(() -> worker.freeze(freeze));
            }
            freeze.awaitFrozen();
            try {
                standIn(Thread.currentThread());
                action.run();
            } finally {
                standIn(null);
                freeze.thaw();
                resumeAll();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    /**
     * Pauses or resumes the taking of frames on all workers. Paused workers still run commands. When pausing, returns
     * once no frame is in flight.
     */
    void withhold(final boolean nowWithheld) {
        lock.writeLock().lock();
        try {
            withheld = nowWithheld;
            if (withheld) {
                pauseAll();
            } else {
                resumeAll();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    private void standIn(final @Nullable Thread thread) {
        for (final Worker worker : workers) {
            worker.commands().standIn(thread);
        }
    }

    /** Ends balancing. Waits for a move in progress. */
    void close() {
        lock.writeLock().lock();
        try {
            closed = true;
        } finally {
            lock.writeLock().unlock();
        }
    }

    private synchronized int[] countRunning() {
        final int[] running = new int[workers.length];
        seats.stream().filter(Seat::isRunning).forEach(seat -> running[seat.index()]++);
        return running;
    }

    private static int spread(final int[] running) {
        return running[most(running)] - running[least(running)];
    }

    private static int most(final int[] running) {
        int most = 0;
        for (int i = 1; i < running.length; i++) {
            most = running[i] > running[most] ? i : most;
        }
        return most;
    }

    private static int least(final int[] running) {
        int least = 0;
        for (int i = 1; i < running.length; i++) {
            least = running[i] < running[least] ? i : least;
        }
        return least;
    }

    private void move(final int[] running) {
        final Worker from = workers[most(running)];
        final Worker to = workers[least(running)];
        running[from.index()]--;
        running[to.index()]++;
        final Seat seat = longestSettled(from);
        if (seat != null) {
            from.execute(() -> seat.leave(from, to));
            to.execute(seat::arrive);
        }
    }

    /** Returns the worker's running pair that was moved longest ago, or null if its last one has just stopped. */
    private synchronized @Nullable Seat longestSettled(final Worker worker) {
        for (final Seat seat : seats) {
            if (seat.worker() == worker && seat.isRunning()) {
                seats.remove(seat);
                seats.add(seat);
                return seat;
            }
        }
        return null;
    }

    /** Pauses all workers. Returns once no frame is in flight. */
    private void pauseAll() {
        for (final Worker worker : workers) {
            worker.execute(() -> worker.pause(true));
        }
        for (final Worker worker : workers) {
            worker.await(worker::isDrained);
        }
    }

    private void resumeAll() {
        for (final Worker worker : workers) {
            worker.execute(() -> worker.pause(withheld));
        }
    }
}
