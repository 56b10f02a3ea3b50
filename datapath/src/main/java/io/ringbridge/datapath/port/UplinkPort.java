package io.ringbridge.datapath.port;

import io.ringbridge.datapath.os.FrameDevice;
import org.jspecify.annotations.Nullable;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A port to a device of the host: a tap with one or more queues, an interface, or a capture.
 *
 * <p>One thread at a time, that of the link that opens the device, may call the commands. They return when the workers
 * have executed them.
 */
public final class UplinkPort extends Port {
    private static final Sink[] NONE = {};

    private final List<UplinkQueue> queues;
    private final Set<SuspendCause> suspendedBy = EnumSet.noneOf(SuspendCause.class);
    private boolean acceptsFrames;
    /** The number of queues with a device, the first ones. */
    private int opened;
    private volatile boolean inputOnly;
    private volatile boolean writesFail;
    private volatile boolean carrierLost;

    /**
     * Creates a port without a device.
     *
     * @param mtu in bytes; replaced by the device's MTU once there is a device
     * @param vlan the VLANs of the port, or null
     * @param owners the owner of each queue
     * @param stations the bridge's stations behind this port
     */
    public UplinkPort(final int index, final String name, final int queues, final int mtu,
                      final @Nullable PortVlan vlan, final QueueOwner[] owners, final Stations stations) {
        super(index, name, mtu, vlan, stations);
        this.queues = IntStream.range(0, queues).mapToObj(q -> new UplinkQueue(this, q, owners[q])).toList();
    }

    @Override
    List<FrameTrace> traceQueues(final int frames) {
        return queues.stream().map(queue -> {
            final FrameTrace former = queue.trace();
            final FrameTrace trace = former == null ? new FrameTrace(frames) : former;
            queue.source().trace(trace);
            return trace;
        }).toList();
    }

    /**
     * Attaches a device's queues. The caller still owns them, and closes them after {@link #detach}.
     *
     * @param devices at least one and at most as many queues as the port has; the others stay unused
     * @param mayWrite whether frames may be written to them
     */
    public synchronized void attach(final List<? extends FrameDevice> devices, final boolean mayWrite) {
        failure(null);
        state(PortState.RUNNING);
        acceptsFrames = mayWrite;
        inputOnly = !mayWrite;
        writesFail = false;
        carrierLost = false;
        recordCarrier();
        opened = devices.size();
        for (final UplinkQueue queue : queues.subList(0, opened)) {
            queue.owner().execute(() -> queue.open(devices.get(queue.index()), !suspendedBy.isEmpty()));
        }
        updateReceivers();
    }

    /**
     * A port that is for input only, such as a replayed capture, does not count as down for want of a receive queue.
     */
    @Override
    public boolean isDown() {
        return writesFail || carrierLost || failure() != null || !inputOnly && super.isDown();
    }

    /**
     * Records whether the last write to the device failed because it is down. Flooded frames are still written, so that
     * the first successful one detects that the device is up again. Any worker that writes to the device may call.
     */
    public void writesFail(final boolean fail) {
        if (writesFail != fail) {
            writesFail = fail;
            bridgeStations().changed();
        }
    }

    /** Records whether the device has lost its carrier. Called by the link that monitors the device. */
    public void carrierLost(final boolean lost) {
        if (carrierLost != lost) {
            carrierLost = lost;
            recordCarrier();
            bridgeStations().changed();
        }
    }

    private void recordCarrier() {
        if (carrierLost) {
            ledger().begin(InterruptionCause.LINK_DOWN);
        } else {
            ledger().end(InterruptionCause.LINK_DOWN);
        }
    }

    @Override
    List<UplinkQueue> sinks() {
        return queues;
    }

    @Override
    Stream<Interruption> measured() {
        return queues.stream().flatMap(queue -> queue.source().stalls().list().stream());
    }

    private void updateReceivers() {
        receivers(acceptsFrames && suspendedBy.isEmpty() ? queues.subList(0, opened).toArray(Sink[]::new)
            : NONE);
        if (failure() != null) {
            receivers(NONE); // a worker has already marked the port as failed again
        }
    }

    /**
     * Suspends the port; the device is not touched from then on. Frames read and not taken are kept, see
     * {@link #ready}.
     */
    @Override
    public synchronized void suspend(final SuspendCause cause) {
        ledger().begin(InterruptionCause.of(cause));
        suspendedBy.add(cause);
        updateReceivers();
        for (final UplinkQueue queue : queues) {
            queue.owner().execute(queue::pause);
            queue.owner().await(queue::idle);
        }
    }

    @Override
    public synchronized void resume(final SuspendCause cause) {
        if (!suspendedBy.remove(cause)) {
            return;
        }
        if (suspendedBy.isEmpty()) {
            for (final UplinkQueue queue : queues) {
                queue.owner().execute(queue::resume);
            }
            updateReceivers();
        }
        ledger().end(InterruptionCause.of(cause));
    }

    /** Returns the frames that were read from each queue and not taken, with virtio-net headers. While suspended. */
    public synchronized List<List<byte[]>> ready() {
        return queues.stream().map(UplinkQueue::readyFrames).toList();
    }

    /**
     * Restores the frames that another process has read from each queue and not taken. They come before any others. The
     * port must be attached and suspended.
     */
    public synchronized void ready(final List<List<byte[]>> frames) {
        for (final UplinkQueue queue : queues) {
            queue.owner().execute(() -> queue.readyFrames(frames.get(queue.index())));
        }
    }

    /** Continues the queues' counters from those of the same port in another process. Before any frame moves. */
    public void continueFrom(final List<PortStatistics> ofQueues) {
        queues.forEach(queue -> queue.owner().execute(() -> queue.continueFrom(ofQueues.get(queue.index()))));
    }

    /**
     * Detaches the device: no worker touches it after this method returns. The reason for a failure can still be read.
     */
    @Override
    public synchronized void detach() {
        acceptsFrames = false;
        inputOnly = false;
        receivers(NONE);
        for (final UplinkQueue queue : queues) {
            queue.owner().execute(queue::pause);
            queue.owner().await(queue::idle);
            queue.owner().execute(queue::close);
        }
        bridgeStations().forget();
    }

    /** Marks the port as failed: frames for the device are dropped from now on. Any worker may call. */
    @Override
    public void fail(final String why) {
        super.fail(why);
        receivers(NONE);
    }

    /** Counts frames that were lost between the port and its device. */
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

    /**
     * Makes the frames that a fault left taken ready again, in the queues that a worker owns. On that worker's thread.
     */
    public void recover(final QueueOwner worker) {
        queues.stream().filter(queue -> queue.owner().index() == worker.index()).forEach(UplinkQueue::recover);
    }

    @Override
    public PortStatistics statistics() {
        return PortStatistics.sum(queues().stream().map(QueueStatus::statistics).toList());
    }

    @Override
    public List<QueueReading> readings() {
        return queues.stream().flatMap(UplinkQueue::readings).toList();
    }

    @Override
    public List<QueueStatus> queues() {
        return queues.stream().map(UplinkQueue::status).toList();
    }
}
