package io.ringbridge.datapath.driver;

import io.ringbridge.datapath.ring.Features;

/**
 * The two queues of a pair. Each may be used by a thread of its own.
 *
 * @param index the number of the pair, from 0
 * @param transmitter the guest's transmit queue
 * @param receiver the guest's receive queue
 */
public record QueuePair(int index, Transmitter transmitter, Receiver receiver) {
    /** Bytes per pair besides rings and buffers: space to join a frame, and alignment. */
    private static final long EXTRA = 1 << 17;

    /** Returns the memory that {@link #create} takes, at most, in bytes. */
    public static long bytes(final QueueShape transmitting, final QueueShape receiving) {
        return transmitting.bytes() + receiving.bytes() + EXTRA;
    }

    /**
     * Creates a pair in the guest's memory, with a buffer for every ring entry.
     *
     * @param features the negotiated virtio features
     */
    public static QueuePair create(final int index, final GuestRam ram, final long features,
                                   final QueueShape transmitting, final QueueShape receiving) {
        final DriverQueue receive = new DriverQueue(2 * index, receiving.size(), features, ram);
        final DriverQueue transmit = new DriverQueue(2 * index + 1, transmitting.size(), features, ram);
        return new QueuePair(index,
            new Transmitter(transmit, ram, features, transmitting.bufferLength() - Features.headerLength(features)),
            new Receiver(receive, ram, features, receiving.bufferLength()));
    }
}
