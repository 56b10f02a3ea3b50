package io.ringbridge.datapath.port;

import io.ringbridge.datapath.os.FrameDevice;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * A port whose other side is no guest: the host's network stack, by a tap with one or more queues, or a capture.
 *
 * <p>Commands are for one thread at a time, that of whoever opens the device, and return when the workers have carried them out.
 */
public final class UplinkPort extends Port {
    private static final Sink[] NONE = {};

    private final List<UplinkQueue> queues;
    private final Set<SuspendCause> suspendedBy = EnumSet.noneOf(SuspendCause.class);
    private boolean takes;
    private volatile boolean onlyGives;
    private volatile boolean writesFail;
    private volatile boolean carrierLost;

    /**
     * Makes a port without a device.
     *
     * @param mtu in bytes; the device's takes its place once there is one
     * @param vlan the VLANs it is in, or null
     * @param owners the owner of each queue
     * @param workers how many workers there are
     * @param stations what is known of those behind it
     */
    public UplinkPort(final int index, final String name, final int queues, final int mtu, final PortVlan vlan,
                      final QueueOwner[] owners, final int workers, final Stations stations) {
        super(index, name, mtu, vlan, stations);
        this.queues = IntStream.range(0, queues).mapToObj(q -> new UplinkQueue(this, q, owners[q], workers)).toList();
    }

    /**
     * Takes over a device's queues, as many as the port has; they stay the caller's to close, after {@link #detach}.
     *
     * @param mayWrite whether frames may be written to them
     */
    public synchronized void attach(final List<? extends FrameDevice> devices, final boolean mayWrite) {
        failure(null);
        state(PortState.RUNNING);
        takes = mayWrite;
        onlyGives = !mayWrite;
        writesFail = false;
        carrierLost = false;
        for (final UplinkQueue queue : queues) {
            queue.owner().execute(() -> queue.open(devices.get(queue.index()), !suspendedBy.isEmpty()));
        }
        updateReceivers();
    }

    /** A port that only gives frames, as a capture that is replayed does, has no receive queue that could be down. */
    @Override
    public boolean isDown() {
        return writesFail || carrierLost || failure() != null || !onlyGives && super.isDown();
    }

    /**
     * Records whether its device is down, as the last write found it. Frames that are flooded are still written, so
     * that the first one finds the device up again. Any worker that writes to it may call.
     */
    public void writesFail(final boolean fail) {
        if (writesFail != fail) {
            writesFail = fail;
            stations().changed();
        }
    }

    /** Records whether its device has lost its carrier; for whoever looks after the device. */
    public void carrierLost(final boolean lost) {
        if (carrierLost != lost) {
            carrierLost = lost;
            stations().changed();
        }
    }

    private void updateReceivers() {
        receivers(takes && suspendedBy.isEmpty() ? queues.toArray(Sink[]::new) : NONE);
        if (failure() != null) {
            receivers(NONE); // a worker has given it up again already
        }
    }

    /** The device is left alone. What has been read of it, and found no room, stays, see {@link #ready}. */
    @Override
    public synchronized void suspend(final SuspendCause cause) {
        suspendedBy.add(cause);
        updateReceivers();
        for (final UplinkQueue queue : queues) {
            queue.owner().execute(queue::pause);
            queue.owner().await(queue::idle);
        }
    }

    @Override
    public synchronized void resume(final SuspendCause cause) {
        if (!suspendedBy.remove(cause) || !suspendedBy.isEmpty()) {
            return;
        }
        for (final UplinkQueue queue : queues) {
            queue.owner().execute(queue::resume);
        }
        updateReceivers();
    }

    /** What was read of each queue and not taken, with the virtio-net headers, while this is suspended. */
    public synchronized List<List<byte[]>> ready() {
        return queues.stream().map(UplinkQueue::readyFrames).toList();
    }

    /**
     * Takes over what another process has read of each queue and not taken, before anything else is read. Of an attached port, which is
     * suspended.
     */
    public synchronized void ready(final List<List<byte[]>> frames) {
        for (final UplinkQueue queue : queues) {
            queue.owner().execute(() -> queue.readyFrames(frames.get(queue.index())));
        }
    }

    /** Lets the counters of its queues go on from those of the same port in another process. Before anything moves. */
    public void continueFrom(final List<PortStatistics> ofQueues) {
        queues.forEach(queue -> queue.owner().execute(() -> queue.continueFrom(ofQueues.get(queue.index()))));
    }

    /** Lets the device go: no worker touches it after this returns. Why the port failed, if it did, stays to be read. */
    @Override
    public synchronized void detach() {
        takes = false;
        onlyGives = false;
        receivers(NONE);
        for (final UplinkQueue queue : queues) {
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
        receivers(NONE);
    }

    /** Counts frames that were lost between the port and what its device stands for. */
    public void lost(final DropReason reason, final long frames) {
        if (frames > 0) {
            final UplinkQueue first = queues.getFirst();
            final boolean[] counted = new boolean[1]; // a command may be run again
            first.owner().execute(() -> {
                if (!counted[0]) {
                    first.source().counters().dropped(reason, frames);
                    counted[0] = true;
                }
            });
        }
    }

    /** Makes ready again what a fault left taken in the queues that a worker owns. On that worker's thread. */
    public void recover(final QueueOwner worker) {
        queues.stream().filter(queue -> queue.owner().index() == worker.index()).forEach(UplinkQueue::recover);
    }

    @Override
    public PortStatistics statistics() {
        return PortStatistics.sum(queues().stream().map(QueueStatus::statistics).toList());
    }

    @Override
    public List<QueueStatus> queues() {
        return queues.stream().map(UplinkQueue::status).toList();
    }
}
