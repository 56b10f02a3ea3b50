package io.ringbridge.datapath.driver;

import io.ringbridge.datapath.ring.RingAddresses;

/**
 * The dimensions of a queue.
 *
 * @param size the number of ring entries, a power of two
 * @param bufferLength the size of each buffer in bytes, virtio-net header included
 */
public record QueueShape(int size, int bufferLength) {
    /** The alignment of buffers: a cache line. */
    static final int ALIGNMENT = 64;

    /** Returns the memory that the ring and its buffers take, in bytes. */
    long bytes() {
        return RingAddresses.descriptorBytes(size) + RingAddresses.driverBytes(size, false)
            + RingAddresses.deviceBytes(size, false)
            + (long) size * ((bufferLength + ALIGNMENT - 1) & -ALIGNMENT);
    }
}
