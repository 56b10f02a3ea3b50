package io.ringbridge.datapath.driver;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;

/**
 * The guest driver's side of a transmit queue, with a buffer for every entry. Owned by one thread; allocates nothing.
 *
 * <p>The caller {@linkplain #reserve reserves} a buffer, writes a frame into it, and {@linkplain #commit commits} it.
 * {@link #flush} makes all committed frames available to the device.
 */
public final class Transmitter {
    private final DriverQueue queue;
    private final DriverRing ring;
    private final GuestRam ram;
    private final int headerLength;
    private final int capacity;
    private final byte[] plain;
    private final long[] free;
    private final long[] bufferOf;
    private int freeCount;
    private long completed;

    /**
     * Allocates the buffers of an empty queue in the guest's memory.
     *
     * @param features the negotiated virtio features
     * @param capacity the length of the longest frame in bytes
     */
    public Transmitter(final DriverQueue queue, final GuestRam ram, final long features, final int capacity) {
        this.queue = queue;
        ring = queue.ring();
        this.ram = ram;
        this.capacity = capacity;
        headerLength = Features.headerLength(features);
        plain = new byte[headerLength];
        freeCount = ring.size();
        free = new long[freeCount];
        bufferOf = new long[freeCount];
        for (int i = 0; i < freeCount; i++) {
            free[i] = ram.allocate(headerLength + capacity, QueueShape.ALIGNMENT);
        }
    }

    /** Returns the length of the longest frame. */
    public int capacity() {
        return capacity;
    }

    /**
     * Reserves a buffer to write a frame into. Returns the same buffer until {@link #commit}.
     *
     * @return the address for the frame, or 0 if the device has all buffers
     */
    public long reserve() {
        if (freeCount == 0) {
            complete();
        }
        return freeCount == 0 ? 0 : free[freeCount - 1] + headerLength;
    }

    /** Adds the reserved buffer, which contains a frame of that many bytes, to the ring. */
    public void commit(final int length) {
        Memory.zero(free[freeCount - 1], headerLength);
        add(length);
    }

    /**
     * Adds the reserved buffer to the ring, with a virtio-net header for its frame.
     *
     * @param header as in {@link #transmit(byte[], byte[])}
     * @param length the length of the frame in bytes
     */
    public void commit(final byte[] header, final int length) {
        if (header.length != headerLength) {
            throw new IllegalArgumentException("a header of " + header.length + " bytes; it must have " + headerLength);
        }
        Memory.copy(header, 0, free[freeCount - 1], headerLength);
        add(length);
    }

    /**
     * Adds the reserved buffer to the ring. The caller has written the frame, and its virtio-net header before it.
     *
     * @param length the length of the frame in bytes
     */
    public void commitWithHeader(final int length) {
        add(length);
    }

    private void add(final int length) {
        final long buffer = free[freeCount - 1];
        final int id = ring.add(ram.guestAddress(buffer), headerLength + length, false);
        if (id < 0) {
            throw new IllegalStateException("the ring has no room for a free buffer");
        }
        bufferOf[id] = buffer;
        freeCount--;
    }

    /** Makes all committed frames available to the device. */
    public void flush() {
        queue.publish();
    }

    /**
     * Sends one frame.
     *
     * @return false if the device has all buffers
     */
    public boolean transmit(final byte[] frame) {
        return transmit(plain, frame);
    }

    /**
     * Sends one frame with a given virtio-net header.
     *
     * @param header the whole header (virtio 1.2, section 5.1.6)
     * @return false if the device has all buffers
     */
    public boolean transmit(final byte[] header, final byte[] frame) {
        if (frame.length > capacity) {
            throw new IllegalArgumentException("a frame of " + frame.length + " bytes; at most " + capacity
                + " are allowed");
        }
        final long buffer = reserve();
        if (buffer == 0) {
            return false;
        }
        Memory.copy(frame, 0, buffer, frame.length);
        commit(header, frame.length);
        flush();
        return true;
    }

    /** Reclaims the buffers that the device has used. */
    public void complete() {
        int id = ring.poll();
        while (id >= 0) {
            free[freeCount++] = bufferOf[id];
            completed++;
            id = ring.poll();
        }
    }

    /** Returns the number of frames whose buffers the device has returned. */
    public long completed() {
        return completed;
    }

    /** Returns the number of frames whose buffers the device has not returned. */
    public int pending() {
        return free.length - freeCount;
    }

    /** Returns the event that the device signals when it has used buffers, if notifications are enabled. */
    public EventFd call() {
        return queue.call();
    }

    /** Returns the queue's ring and events. */
    public DriverQueue queue() {
        return queue;
    }
}
