package io.ringbridge.datapath.driver;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.DriverRing;
import io.ringbridge.datapath.ring.Features;

/**
 * The guest driver's side of a receive queue, filled with buffers. Owned by one thread; allocates nothing.
 *
 * <p>{@link #poll} takes a frame. It stays at {@link #address}, with {@link #length} bytes, until the next poll, which
 * offers its buffers to the device again. {@link #flush} makes offered buffers visible to the device.
 */
public final class Receiver {
    private static final int NUM_BUFFERS = 10;
    /** 64 KiB of payload, an Ethernet header and VLAN tags. */
    private static final int LONGEST = (1 << 16) + 32;

    private final DriverQueue queue;
    private final DriverRing ring;
    private final GuestRam ram;
    private final boolean merges;
    private final int headerLength;
    private final int bufferLength;
    private final long[] bufferOf;
    private final long scratch;
    private final long[] taken;
    private int takenCount;
    private long header;
    private long address;
    private int length;

    Receiver(final DriverQueue queue, final GuestRam ram, final long features, final int bufferLength) {
        this.queue = queue;
        ring = queue.ring();
        this.ram = ram;
        this.bufferLength = bufferLength;
        merges = Features.has(features, Features.MRG_RXBUF);
        headerLength = Features.headerLength(features);
        final int size = ring.size();
        bufferOf = new long[size];
        taken = new long[size];
        scratch = ram.allocate(LONGEST, QueueShape.ALIGNMENT);
        for (int i = 0; i < size; i++) {
            offer(ram.allocate(bufferLength, QueueShape.ALIGNMENT));
        }
    }

    private void offer(final long buffer) {
        final int id = ring.add(ram.guestAddress(buffer), bufferLength, true);
        if (id < 0) {
            throw new IllegalStateException("the ring has no room for a free buffer");
        }
        bufferOf[id] = buffer;
    }

    /**
     * Takes the next frame.
     *
     * @return false if there is none
     */
    public boolean poll() {
        recycle();
        final int id = ring.poll();
        if (id < 0) {
            return false;
        }
        header = take(id);
        address = header + headerLength;
        length = written() - headerLength;
        final int buffers = merges ? Memory.getShort(header + NUM_BUFFERS) & 0xFFFF : 1;
        if (buffers > 1) {
            gather(buffers);
        }
        if (length < 0) {
            throw new IllegalStateException("a received frame is shorter than its header of " + headerLength
                + " bytes");
        }
        return true;
    }

    private long take(final int id) {
        final long buffer = bufferOf[id];
        taken[takenCount++] = buffer;
        return buffer;
    }

    /** Joins a frame in several buffers. The device makes them all used at once (virtio 1.2, section 5.1.6.4). */
    private void gather(final int buffers) {
        Memory.copy(address, scratch, length);
        for (int i = 1; i < buffers; i++) {
            final int id = ring.poll();
            if (id < 0) {
                throw new IllegalStateException("a received frame has num_buffers " + buffers + ", but only " + i
                    + " used buffers");
            }
            final int n = written();
            if (n > LONGEST - length) {
                throw new IllegalStateException("a received frame is longer than " + LONGEST + " bytes");
            }
            Memory.copy(take(id), scratch + length, n);
            length += n;
        }
        address = scratch;
    }

    /** Returns the bytes that the device wrote to the buffer that was polled last. */
    private int written() {
        final int n = ring.usedLength();
        if (n < 0 || n > bufferLength) {
            throw new IllegalStateException("the device wrote " + Integer.toUnsignedString(n)
                + " bytes to a buffer of " + bufferLength);
        }
        return n;
    }

    /**
     * Takes the next frame, and copies it with its virtio-net header out of the guest's memory. Its buffers are offered
     * again with the next frame or {@link #flush}. Every number is checked, so the device may be hostile.
     *
     * @param to the address of the copy, outside the memory that the device can access
     * @param room the size of the copy in bytes, at least that of one buffer
     * @return the length, header included, or a negative number if no frame has arrived
     * @throws IllegalStateException if the device breaks the rules; the queue cannot be used any more
     */
    public int receive(final long to, final int room) {
        recycle();
        final int id = ring.poll();
        if (id < 0) {
            return id;
        }
        final long first = take(id);
        final int total = written();
        if (total < headerLength) {
            throw new IllegalStateException("a received frame has " + total + " bytes; its header alone has "
                + headerLength);
        }
        Memory.copy(first, to, total);
        // The copy is read: the device can change the original at any time.
        final int buffers = merges ? Memory.getShort(to + NUM_BUFFERS) & 0xFFFF : 1;
        return buffers > 1 ? receiveRest(to, room, total, buffers) : total;
    }

    /** Copies the other buffers of a frame. The device makes them all used at once (virtio 1.2, section 5.1.6.4). */
    private int receiveRest(final long to, final int room, final int first, final int buffers) {
        int total = first;
        for (int i = 1; i < buffers; i++) {
            final int id = ring.poll();
            if (id < 0) {
                throw new IllegalStateException("a received frame has num_buffers " + buffers + ", but only " + i
                    + " used buffers");
            }
            final long buffer = take(id);
            final int n = written();
            if (n > room - total) {
                throw new IllegalStateException("a received frame is longer than " + room + " bytes");
            }
            Memory.copy(buffer, to + total, n);
            total += n;
        }
        return total;
    }

    private void recycle() {
        for (int i = 0; i < takenCount; i++) {
            offer(taken[i]);
        }
        takenCount = 0;
    }

    /** Returns the address of the frame polled last. */
    public long address() {
        return address;
    }

    /** Returns the length in bytes of the frame polled last. */
    public int length() {
        return length;
    }

    /** Returns a copy of the frame polled last. */
    public byte[] frame() {
        final byte[] frame = new byte[length];
        Memory.copy(address, frame, 0, length);
        return frame;
    }

    /** Returns a copy of the virtio-net header of the frame polled last. */
    public byte[] header() {
        final byte[] bytes = new byte[headerLength];
        Memory.copy(header, bytes, 0, headerLength);
        return bytes;
    }

    /** Offers the buffers of the frame polled last to the device again, and makes all offered buffers visible. */
    public void flush() {
        recycle();
        queue.publish();
    }

    /**
     * Enables or disables the device's signal on {@link #call} when it uses buffers. Initially it is disabled.
     *
     * @return whether a frame is there already, which the device will not signal
     */
    public boolean wantNotification(final boolean wanted) {
        return ring.wantNotification(wanted);
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
