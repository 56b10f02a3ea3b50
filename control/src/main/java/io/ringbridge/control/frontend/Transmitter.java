package io.ringbridge.control.frontend;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.Features;

/**
 * A transmit queue as the guest's driver has it, with a buffer for every entry. Owned by one thread; allocates nothing.
 *
 * <p>A frame is written into a {@link #reserve}d buffer, {@link #commit}ted, and shown to the device with others by {@link #flush}.
 */
public final class Transmitter {
    final Vring vring;
    private final GuestRam ram;
    private final int headerLength;
    private final int capacity;
    private final byte[] plain;
    private final long[] free;
    private final long[] bufferOf;
    private int freeCount;
    private long completed;

    Transmitter(final Vring vring, final GuestRam ram, final long features, final int capacity) {
        this.vring = vring;
        this.ram = ram;
        this.capacity = capacity;
        headerLength = Features.headerLength(features);
        plain = new byte[headerLength];
        freeCount = vring.ring.size();
        free = new long[freeCount];
        bufferOf = new long[freeCount];
        for (int i = 0; i < freeCount; i++) {
            free[i] = ram.allocate(headerLength + capacity, 64);
        }
    }

    /** The longest frame. */
    public int capacity() {
        return capacity;
    }

    /**
     * A buffer to write a frame into; the same one until {@link #commit}.
     *
     * @return its address, or 0 when the device has all of them
     */
    public long reserve() {
        if (freeCount == 0) {
            complete();
        }
        return freeCount == 0 ? 0 : free[freeCount - 1] + headerLength;
    }

    /** Adds the reserved buffer to the ring, with a frame of so many bytes in it. */
    public void commit(final int length) {
        Memory.zero(free[freeCount - 1], headerLength);
        add(length);
    }

    /**
     * The same with a header of its own.
     *
     * @param header as {@link #transmit(byte[], byte[])} has it
     */
    public void commit(final byte[] header, final int length) {
        if (header.length != headerLength) {
            throw new IllegalArgumentException("a header of " + header.length + " bytes; " + headerLength + " are needed");
        }
        Memory.copy(header, 0, free[freeCount - 1], headerLength);
        add(length);
    }

    private void add(final int length) {
        final long buffer = free[freeCount - 1];
        final int id = vring.ring.add(ram.guestAddress(buffer), headerLength + length, false);
        if (id < 0) {
            throw new IllegalStateException("the ring has no room for a free buffer");
        }
        bufferOf[id] = buffer;
        freeCount--;
    }

    /** Shows the device all that was committed. */
    public void flush() {
        vring.publish();
    }

    /**
     * Sends one frame.
     *
     * @return false when the device has all the buffers
     */
    public boolean transmit(final byte[] frame) {
        return transmit(plain, frame);
    }

    /**
     * Sends one frame.
     *
     * @param header what the device finds in its virtio-net header (virtio 1.2, section 5.1.6), so many bytes as that has
     * @return false when the device has all the buffers
     */
    public boolean transmit(final byte[] header, final byte[] frame) {
        if (frame.length > capacity) {
            throw new IllegalArgumentException("a frame of " + frame.length + " bytes; at most " + capacity + " are allowed");
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

    /** Takes back the buffers that the device has used. */
    public void complete() {
        int id = vring.ring.poll();
        while (id >= 0) {
            free[freeCount++] = bufferOf[id];
            completed++;
            id = vring.ring.poll();
        }
    }

    /** How many frames the device is known to have taken. */
    public long completed() {
        return completed;
    }

    /** How many frames the device has not given back. */
    public int pending() {
        return free.length - freeCount;
    }

    /** Signalled by the device when it used buffers and was asked to say so. */
    public EventFd call() {
        return vring.call;
    }
}
