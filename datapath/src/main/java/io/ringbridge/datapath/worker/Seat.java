package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.port.QueueOwner;
import io.ringbridge.datapath.port.TransmitQueue;
import io.ringbridge.datapath.port.UplinkQueue;
import org.jspecify.annotations.Nullable;

import java.util.concurrent.locks.Lock;

/**
 * The current owner of a queue pair or of an uplink's queue, which may change over time.
 *
 * <p>Commands run on the current owner. They share a read lock; {@link Placement} takes the write lock when it moves
 * pairs. Workers call {@link #index} per frame without a lock, because owners change only while no frame is in flight.
 */
final class Seat implements QueueOwner {
    private final int port;
    private final Lock ownership;
    private volatile Worker worker;
    private volatile @Nullable TransmitQueue polled;
    private volatile @Nullable UplinkQueue uplink;

    /**
     * Creates a seat at a worker.
     *
     * @param port the index of the port that the queues belong to
     * @param ownership the lock that keeps the owner from changing
     */
    Seat(final int port, final Lock ownership, final Worker worker) {
        this.port = port;
        this.ownership = ownership;
        this.worker = worker;
    }

    int port() {
        return port;
    }

    Worker worker() {
        return worker;
    }

    /** Returns whether frames may enter through the queues. Any thread may call; the result may be outdated. */
    boolean isRunning() {
        final TransmitQueue queue = polled;
        return uplink != null || queue != null && queue.running();
    }

    @Override
    public int index() {
        return worker.index();
    }

    @Override
    public long cycleStart() {
        return worker.cycleStart();
    }

    @Override
    public boolean isCaller() {
        return worker.isCaller();
    }

    @Override
    public void execute(final Runnable command) {
        ownership.lock();
        try {
            worker.execute(command);
        } finally {
            ownership.unlock();
        }
    }

    @Override
    public void add(final TransmitQueue queue) {
        polled = queue;
        worker.add(queue);
    }

    @Override
    public void remove(final TransmitQueue queue) {
        polled = null;
        worker.remove(queue);
    }

    @Override
    public void add(final UplinkQueue queue) {
        uplink = queue;
        worker.add(queue);
    }

    @Override
    public void remove(final UplinkQueue queue) {
        uplink = null;
        worker.remove(queue);
    }

    /**
     * Leaves a worker for another, after notifying drivers whose notifications are outstanding. Called on the thread of
     * the worker that it leaves, which is paused.
     */
    void leave(final Worker from, final Worker next) {
        from.settle();
        final TransmitQueue queue = polled;
        if (queue != null) {
            from.remove(queue);
        }
        final UplinkQueue device = uplink;
        if (device != null) {
            from.remove(device);
        }
        worker = next;
    }

    /** Adds the queues to the new owner. Called on the thread of that worker, which is paused. */
    void arrive() {
        enter(worker);
    }

    /**
     * Adds the queues to a worker that takes no frames, and that may become the owner.
     *
     * @throws io.ringbridge.datapath.os.OsException if the worker cannot wait for their events
     */
    void enter(final Worker next) {
        final TransmitQueue queue = polled;
        if (queue != null) {
            next.add(queue);
        }
        final UplinkQueue device = uplink;
        if (device != null) {
            next.add(device);
        }
    }
}
