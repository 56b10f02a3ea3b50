package io.ringbridge.datapath.port;

import io.ringbridge.datapath.os.Tap;

import java.util.List;
import java.util.stream.IntStream;

/**
 * A port whose other side is the host's network stack: a tap device with one or more queues.
 *
 * <p>Commands are for one thread at a time, that of whoever opens the device, and return when the workers have carried them out.
 */
public final class TapPort extends Port {
    private final List<TapQueue> queues;

    /**
     * Makes a port without a device.
     *
     * @param mtu in bytes; the device's takes its place once there is one
     * @param owners the owner of each queue
     * @param workers how many workers there are
     * @param stations what is known of those behind it
     */
    public TapPort(final int index, final String name, final int queues, final int mtu, final QueueOwner[] owners, final int workers,
                   final Stations stations) {
        super(index, name, mtu, stations);
        this.queues = IntStream.range(0, queues).mapToObj(q -> new TapQueue(this, q, owners[q], workers)).toList();
    }

    /** Takes over a device's queues, as many as the port has; they stay the caller's to close, after {@link #detach}. */
    public void attach(final List<Tap> taps) {
        failure(null);
        state(PortState.RUNNING);
        for (final TapQueue queue : queues) {
            queue.owner().execute(() -> queue.open(taps.get(queue.index())));
        }
        receivers(queues.toArray(Sink[]::new));
        if (failure() != null) {
            receivers(); // a worker has given it up again already
        }
    }

    /** Lets the device go: no worker touches it after this returns. Why the port failed, if it did, stays to be read. */
    @Override
    public void detach() {
        receivers();
        for (final TapQueue queue : queues) {
            queue.owner().execute(queue::pause);
            queue.owner().await(queue::idle);
            queue.owner().execute(queue::close);
        }
        stations().forget();
    }

    /** Gives the device up; the frames for it are dropped from now on. Any worker may call. */
    @Override
    public void fail(final String why) {
        super.fail(why);
        receivers();
    }

    /** Makes ready again what a fault left taken in the queues that a worker owns. On that worker's thread. */
    public void recover(final QueueOwner worker) {
        queues.stream().filter(queue -> queue.owner().index() == worker.index()).forEach(TapQueue::recover);
    }

    @Override
    public PortStatistics statistics() {
        return PortStatistics.sum(queues().stream().map(QueueStatus::statistics).toList());
    }

    @Override
    public List<QueueStatus> queues() {
        return queues.stream().map(TapQueue::status).toList();
    }
}
