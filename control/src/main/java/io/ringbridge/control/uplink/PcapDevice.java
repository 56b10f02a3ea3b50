package io.ringbridge.control.uplink;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.os.FrameDevice;
import org.agrona.BufferUtil;
import org.agrona.MutableDirectBuffer;
import org.agrona.concurrent.MessageHandler;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.OneToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBuffer;
import org.agrona.concurrent.ringbuffer.RingBufferDescriptor;
import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * Passes frames between a worker and the threads that read and write captures, which block as a worker must not. There
 * is one ring per direction, each with one writing and one reading thread.
 *
 * <p>The thread of the {@link Replay} calls {@link #offer} and {@link #end}; while it is parked, the thread that drives
 * the port does. The thread of the {@link Recorder} calls {@link #take} and {@link #await}. The worker calls the
 * methods of {@link FrameDevice}.
 */
final class PcapDevice implements FrameDevice, AutoCloseable {
    /** The longest frame that any port takes: 64 KiB of payload, an Ethernet header and a VLAN tag. */
    static final int MAX_FRAME = 65535 + 14 + 4;

    /** A message may take at most an eighth of the ring. */
    private static final int RING_BYTES = 2 << 20;
    private static final int CACHE_LINE = 64;
    private static final int FRAME = 1;
    private static final int IOVEC = 16;
    private static final long LONGEST_WAIT_NANOS = 100_000_000;

    private final RingBuffer in = ring();
    private final RingBuffer out = ring();
    private final EventFd readable = EventFd.create();
    private final MessageHandler toWorker = this::copy;
    private volatile @Nullable String fault;
    private volatile boolean armed;
    private volatile @Nullable Thread waiting;
    private long target;
    private int copied;

    private static RingBuffer ring() {
        return new OneToOneRingBuffer(new UnsafeBuffer(
            BufferUtil.allocateDirectAligned(RING_BYTES + RingBufferDescriptor.TRAILER_LENGTH, CACHE_LINE)));
    }

    @Override
    public boolean offloads() {
        return false;
    }

    @Override
    public long read(final long address, final int length) {
        target = address + HEADER;
        final boolean ended = fault != null; // read before the ring: nothing is offered after the fault
        if (!read(in, toWorker)) {
            return ended ? GONE : AGAIN;
        }
        Memory.zero(address, HEADER);
        return HEADER + (long) copied;
    }

    /**
     * Reads the next frame of a ring, if there is one. The first attempt may only wrap around at the end of the ring.
     */
    private static boolean read(final RingBuffer ring, final MessageHandler handler) {
        return ring.read(handler, 1) > 0 || ring.size() > 0 && ring.read(handler, 1) > 0;
    }

    private void copy(final int type, final MutableDirectBuffer buffer, final int index, final int length) {
        Memory.copy(buffer.addressOffset() + index, target, length);
        copied = length;
    }

    @Override
    public long write(final long iovecs, final int count) {
        int length = 0;
        for (int i = 1; i < count; i++) {
            length += (int) Memory.getLong(iovecs + (long) i * IOVEC + 8);
        }
        final int index = out.tryClaim(FRAME, length);
        if (index < 0) {
            return AGAIN;
        }
        try {
            copy(iovecs, count, out.buffer().addressOffset() + index);
        } catch (final InternalError e) {
            // The sending guest has truncated its memory. The claimed space would keep the reader from all later
            // frames.
            out.abort(index);
            throw e;
        }
        out.commit(index);
        return length;
    }

    private static void copy(final long iovecs, final int count, final long target) {
        long to = target;
        for (int i = 1; i < count; i++) {
            final int piece = (int) Memory.getLong(iovecs + (long) i * IOVEC + 8);
            Memory.copy(Memory.getLong(iovecs + (long) i * IOVEC), to, piece);
            to += piece;
        }
    }

    @Override
    public void flush() {
        Memory.fullFence(); // publishes the frames before the read of waiting; pairs with await
        final Thread recorder = waiting;
        if (recorder != null) {
            LockSupport.unpark(recorder);
        }
    }

    @Override
    public int fd() {
        return readable.fd();
    }

    @Override
    public boolean arm() {
        armed = true; // before the ring is read; pairs with offer
        return in.size() > 0 || fault != null;
    }

    @Override
    public void disarm() {
        if (armed) {
            armed = false;
            readable.drain();
        }
    }

    /**
     * Offers the worker a frame of at most {@link #MAX_FRAME} bytes.
     *
     * @return false if there is no room
     */
    boolean offer(final byte[] frame) {
        final int index = in.tryClaim(FRAME, frame.length);
        if (index < 0) {
            return false;
        }
        in.buffer().putBytes(index, frame);
        in.commit(index);
        Memory.fullFence(); // publishes the frame before the read of armed; pairs with arm
        if (armed) {
            readable.signal();
        }
        return true;
    }

    /**
     * Sets the fault that the worker finds after the frames offered so far. Null clears the fault. No frame is offered
     * after a fault.
     */
    void end(final @Nullable String why) {
        fault = why;
        Memory.fullFence(); // publishes the fault before the read of armed; pairs with arm
        if (why != null && armed) {
            readable.signal();
        }
    }

    @Override
    public String fault() {
        final String why = fault;
        return why == null ? FrameDevice.super.fault() : why;
    }

    /** Returns the fault that was set with {@link #end}; null if there is none. */
    @Nullable String endedBy() {
        return fault;
    }

    /** Takes the next frame that the worker wrote. Returns null if there is none. */
    byte @Nullable [] take() {
        return take(out);
    }

    private static byte @Nullable [] take(final RingBuffer ring) {
        final byte[][] frame = new byte[1][];
        final MessageHandler handler = (type, buffer, index, length) -> {
            frame[0] = new byte[length];
            buffer.getBytes(index, frame[0]);
        };
        return read(ring, handler) ? frame[0] : null;
    }

    /** Takes back the frames that were offered but not read. Neither the worker nor the reader may be active. */
    List<byte[]> takeBack() {
        final List<byte[]> frames = new ArrayList<>();
        for (byte[] frame = take(in); frame != null; frame = take(in)) {
            frames.add(frame);
        }
        return frames;
    }

    /** Whether the recorder has written every frame, and waits for more. The worker must not be writing. */
    boolean isDrained() {
        // In this order: the recorder waits only once it has written the frames that it took.
        return out.size() == 0 && waiting != null;
    }

    /** Waits until there may be a frame to {@link #take}, but no longer than a tenth of a second. */
    void await() {
        waiting = Thread.currentThread(); // before the ring is read; pairs with flush
        if (out.size() == 0) {
            LockSupport.parkNanos(this, LONGEST_WAIT_NANOS);
        }
        waiting = null;
    }

    /** Closes the device. No thread may use it any more. */
    @Override
    public void close() {
        readable.close();
    }
}
