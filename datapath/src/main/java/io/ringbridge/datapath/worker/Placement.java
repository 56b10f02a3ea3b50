package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.port.QueueOwner;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Which worker owns which queue pair, an uplink's queue counting as one.
 *
 * <p>A new port's pairs are dealt out in turn. When ports come and go, {@link #balance} moves pairs until no worker has two running ones
 * more than another. Nothing is on its way then: all workers are held, each having delivered what lay in its frame ring and given every
 * buffer back, so that the frames of a flow stay in order and no ring is ever touched by two. Any thread may call in.
 */
final class Placement {
    private final Worker[] workers;
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    /** Changed and read under {@code this}; the pair that was moved longest ago comes first. */
    private final List<Seat> seats = new ArrayList<>();
    private int next;
    private boolean closed;
    /** Whether workers are kept from taking frames for longer than a move lasts. Under the write lock. */
    private boolean withheld;

    Placement(final Worker[] workers) {
        this.workers = workers;
    }

    /** Places a port's queue pairs; one worker alone needs no seat. */
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

    /** Forgets a port that is detached. */
    synchronized void forget(final int port) {
        seats.removeIf(seat -> seat.port() == port);
    }

    /** Moves running pairs until the workers' numbers of them differ by one at the most. */
    void balance() {
        lock.writeLock().lock();
        try {
            final int[] running = closed ? new int[0] : countRunning();
            if (closed || spread(running) < 2) {
                return;
            }
            hold();
            try {
                while (spread(running) > 1) {
                    move(running);
                }
            } finally {
                release();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** Runs something while no worker does anything, and no frame is on its way; nothing is moved meanwhile. */
    void still(final Runnable action) {
        lock.writeLock().lock();
        try {
            final Halt halt = new Halt(workers.length);
            for (final Worker worker : workers) {
                worker.commands().submit(() -> worker.halt(halt));
            }
            halt.await();
            try {
                standIn(Thread.currentThread());
                action.run();
            } finally {
                standIn(null);
                halt.end();
                release();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    /**
     * Keeps all workers from taking frames, or lets them take frames again. They carry out commands meanwhile. Returns
     * when none of the frames that were taken before is on its way.
     */
    void withhold(final boolean nowWithheld) {
        lock.writeLock().lock();
        try {
            withheld = nowWithheld;
            if (withheld) {
                hold();
            } else {
                release();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    private void standIn(final Thread thread) {
        for (final Worker worker : workers) {
            worker.commands().standIn(thread);
        }
    }

    /** Moves nothing any more. Returns when nothing is being moved. */
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
        seats.stream().filter(Seat::running).forEach(seat -> running[seat.index()]++);
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

    /** The running pair of a worker that was moved longest ago, or null where the last has just stopped. */
    private synchronized Seat longestSettled(final Worker worker) {
        for (final Seat seat : seats) {
            if (seat.worker() == worker && seat.running()) {
                seats.remove(seat);
                seats.add(seat);
                return seat;
            }
        }
        return null;
    }

    /** Returns once no worker takes frames, and none is on its way. */
    private void hold() {
        for (final Worker worker : workers) {
            worker.execute(() -> worker.hold(true));
        }
        for (final Worker worker : workers) {
            worker.await(worker::drained);
        }
    }

    private void release() {
        for (final Worker worker : workers) {
            worker.execute(() -> worker.hold(withheld));
        }
    }
}
