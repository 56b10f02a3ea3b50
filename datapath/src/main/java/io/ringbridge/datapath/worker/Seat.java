package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.port.QueueOwner;
import io.ringbridge.datapath.port.TransmitQueue;
import io.ringbridge.datapath.port.UplinkQueue;

import java.util.concurrent.locks.Lock;

/**
 * The worker that owns a queue pair or an uplink's queue, whichever it is at the time.
 *
 * <p>Commands reach the worker that owns it while they run: they share a lock that {@link Placement} takes for itself when it moves
 * them. What workers ask for each frame, {@link #index}, takes none: owners change only while no frame is on its way.
 */
final class Seat implements QueueOwner {
    private final int port;
    private final Lock staying;
    private volatile Worker worker;
    private volatile TransmitQueue polled;
    private volatile UplinkQueue uplink;

    /**
     * Makes a seat.
     *
     * @param port the index of the port that it is of
     * @param staying held while the owner may not change
     */
    Seat(final int port, final Lock staying, final Worker worker) {
        this.port = port;
        this.staying = staying;
        this.worker = worker;
    }

    int port() {
        return port;
    }

    Worker worker() {
        return worker;
    }

    /** Whether frames may come in by it, as far as any thread can tell. */
    boolean running() {
        final TransmitQueue queue = polled;
        return uplink != null || queue != null && queue.running();
    }

    @Override
    public int index() {
        return worker.index();
    }

    @Override
    public void execute(final Runnable command) {
        staying.lock();
        try {
            worker.execute(command);
        } finally {
            staying.unlock();
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
     * Leaves a worker for another; drivers that are still to be notified are notified before. On the thread of the one it leaves, which is
     * held.
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

    /** Begins to poll where it has come to. On the thread of that worker, which is held. */
    void arrive() {
        final TransmitQueue queue = polled;
        if (queue != null) {
            worker.add(queue);
        }
        final UplinkQueue device = uplink;
        if (device != null) {
            worker.add(device);
        }
    }
}
