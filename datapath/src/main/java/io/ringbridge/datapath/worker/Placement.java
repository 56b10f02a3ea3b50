package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.port.QueueOwner;
import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The assignment of queue pairs to workers. An uplink's queue counts as a pair.
 *
 * <p>The pairs of a new port are assigned round robin. When ports come and go, {@link #balance} moves pairs until the
 * workers' numbers of running pairs differ by at most one. {@link #replace} moves all pairs to other workers. No worker
 * takes frames during a move, and none is in flight, so the frames of a flow stay in order and no two workers access a
 * ring.
 *
 * <p>Any thread may call in. Commands reach workers under the read lock only; moves take the write lock.
 */
final class Placement {
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    /** Changed under the write lock. */
    private volatile WorkerSet set;
    /** Guarded by {@code this}. The pair that was moved longest ago comes first. */
    private final List<Seat> seats = new ArrayList<>();
    private int next;
    private boolean closed;
    /** Whether workers stay paused after a move or a freeze. Guarded by the write lock. */
    private boolean withheld;

    Placement(final WorkerSet set) {
        this.set = set;
    }

    /** Returns the present workers. Commands to them need the read lock, see {@link #onAll}. */
    WorkerSet set() {
        return set;
    }

    /** Assigns a port's queue pairs to workers. */
    QueueOwner[] place(final int port, final int pairs) {
        final QueueOwner[] owners = new QueueOwner[pairs];
        lock.readLock().lock();
        try {
            Arrays.setAll(owners, _ -> seat(port));
        } finally {
            lock.readLock().unlock();
        }
        return owners;
    }

    private synchronized Seat seat(final int port) {
        final Seat seat = new Seat(port, lock.readLock(), set.all()[next]);
        next = (next + 1) % set.count();
        seats.add(seat);
        return seat;
    }

    /** Performs an action on the present workers, which stay until it has ended. */
    void onAll(final Consumer<WorkerSet> action) {
        lock.readLock().lock();
        try {
            action.accept(set);
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Removes the seats of a port that is detached. */
    synchronized void forget(final int port) {
        seats.removeIf(seat -> seat.port() == port);
    }

    /** Moves running pairs until the workers' numbers of running pairs differ by at most one. */
    void balance() {
        if (set.count() == 1) {
            return; // without keeping commands waiting
        }
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
            final WorkerSet frozen = set;
            final Freeze freeze = new Freeze(frozen.count());
            for (final Worker worker : frozen.all()) {
                worker.commands().submit(() -> worker.freeze(freeze));
            }
            freeze.awaitFrozen();
            try {
                standIn(frozen, Thread.currentThread());
                action.run();
            } finally {
                standIn(frozen, null);
                freeze.thaw();
                if (frozen == set) {
                    resumeAll();
                }
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    /**
     * Replaces all workers, which have begun, by others, which have been started. The pairs are dealt out to them in
     * turn, the running ones first. If anything fails, the present workers keep all pairs. Afterwards the former
     * workers own no queues, and no thread commands them: they are to be closed.
     *
     * @throws io.ringbridge.datapath.os.OsException if a worker cannot wait for the events of its queues
     */
    void replace(final WorkerSet others) {
        whileFrozen(() -> {
            final List<Seat> moving = runningFirst();
            for (int i = 0; i < moving.size(); i++) {
                moving.get(i).enter(others.all()[i % others.count()]);
            }
            for (final Worker former : set.all()) {
                former.execute(former::settle); // may meet a fault in guest memory: before any pair has moved
            }
            for (int i = 0; i < moving.size(); i++) {
                final Seat seat = moving.get(i);
                seat.leave(seat.worker(), others.all()[i % others.count()]);
            }
            others.continueFrom(set);
            for (final Worker worker : others.all()) {
                worker.pause(withheld);
            }
            next(moving.size() % others.count());
            set = others;
            others.begin();
        });
    }

    private synchronized List<Seat> runningFirst() {
        return Stream.concat(seats.stream().filter(Seat::isRunning),
            seats.stream().filter(seat -> !seat.isRunning())).toList();
    }

    private synchronized void next(final int worker) {
        next = worker;
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

    private static void standIn(final WorkerSet frozen, final @Nullable Thread thread) {
        for (final Worker worker : frozen.all()) {
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
        final int[] running = new int[set.count()];
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
        final Worker from = set.all()[most(running)];
        final Worker to = set.all()[least(running)];
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
        for (final Worker worker : set.all()) {
            worker.execute(() -> worker.pause(true));
        }
        for (final Worker worker : set.all()) {
            worker.await(worker::isDrained);
        }
    }

    private void resumeAll() {
        for (final Worker worker : set.all()) {
            worker.execute(() -> worker.pause(withheld));
        }
    }
}
