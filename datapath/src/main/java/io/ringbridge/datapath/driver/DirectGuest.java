package io.ringbridge.datapath.driver;

import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.RingEvents;

/**
 * A guest with one queue pair, attached to a port of this process without a socket or a negotiation. Attached and
 * closed by one thread at a time.
 */
public final class DirectGuest implements AutoCloseable {
    private final GuestPort port;
    private final GuestRam ram;
    private final QueuePair queues;

    /**
     * Attaches the guest.
     *
     * @param port a port that no guest is attached to
     * @param features the virtio features, as if negotiated
     * @param size the number of entries of each ring, a power of two
     * @param bufferLength the size of each buffer in bytes, virtio-net header included
     */
    public DirectGuest(final GuestPort port, final long features, final int size, final int bufferLength) {
        this.port = port;
        final QueueShape shape = new QueueShape(size, bufferLength);
        ram = GuestRam.create("ringbridge-guest", QueuePair.bytes(shape, shape));
        queues = QueuePair.create(0, ram, features, shape, shape);
        port.features(features);
        start(queues.receiver().queue(), features);
        start(queues.transmitter().queue(), features);
    }

    private void start(final DriverQueue queue, final long features) {
        queue.ring().publish();
        port.startRing(queue.index(), queue.config(DriverRing.freshBase(features), ram.memory()),
            new RingEvents(queue.kick(), queue.call(), null));
        port.enableRing(queue.index(), true);
    }

    /** Returns the guest's queues. */
    public QueuePair queues() {
        return queues;
    }

    /** Detaches the guest from the port and frees its memory. No thread may use its queues any more. */
    @Override
    public void close() {
        port.detach();
        queues.receiver().queue().close();
        queues.transmitter().queue().close();
        ram.close();
    }
}
