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

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * Frames between a worker and the threads that call libpcap, which waits where a worker must not: a ring each way, in each of which one
 * thread writes and another reads.
 *
 * <p>A reader thread {@link #offer}s, a sender thread {@link #take}s and {@link #await}s; all else is the worker's.
 */
final class PcapDevice implements FrameDevice, AutoCloseable {
    /** The longest frame any port takes: 64 KiB of payload, an Ethernet header and a VLAN tag. */
    static final int MAX_FRAME = 65535 + 14 + 4;

    /** A message takes an eighth of it at the most. */
    private static final int RING_BYTES = 2 << 20;
    private static final int CACHE_LINE = 64;
    private static final int FRAME = 1;
    private static final int IOVEC = 16;
    private static final long LONGEST_WAIT_NANOS = 100_000_000;

    private final RingBuffer in = ring();
    private final RingBuffer out = ring();
    private final EventFd readable = EventFd.create();
    private final MessageHandler toWorker = this::copy;
    private volatile String fault;
    private volatile boolean armed;
    private volatile Thread waiting;
    private long target;
    private int copied;

    private static RingBuffer ring() {
        return new OneToOneRingBuffer(
            new UnsafeBuffer(BufferUtil.allocateDirectAligned(RING_BYTES + RingBufferDescriptor.TRAILER_LENGTH, CACHE_LINE)));
    }

    @Override
    public boolean offloads() {
        return false;
    }

    @Override
    public long read(final long address, final int length) {
        target = address + HEADER;
        final boolean ended = fault != null; // before the ring is looked at: nothing is offered behind it
        if (!read(in, toWorker)) {
            return ended ? GONE : AGAIN;
        }
        Memory.zero(address, HEADER);
        return HEADER + (long) copied;
    }

    /** Reads the next frame of a ring, if there is one; the first attempt may only go on to the ring's other end. */
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
            out.abort(index); // the sender's guest has cut its memory; what was claimed would keep all that follows from being read
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
        Memory.fullFence(); // what was written is visible before the wait is looked at, see await
        final Thread sender = waiting;
        if (sender != null) {
            LockSupport.unpark(sender);
        }
    }

    @Override
    public int fd() {
        return readable.fd();
    }

    @Override
    public boolean arm() {
        armed = true; // before the ring is looked at, see offer
        return in.size() > 0 || fault != null;
    }

    @Override
    public void disarm() {
        if (armed) {
            armed = false;
            readable.drain();
        }
    }

    /** Gives the worker a frame of at most {@link #MAX_FRAME} bytes; false when there is no room. */
    boolean offer(final byte[] frame) {
        final int index = in.tryClaim(FRAME, frame.length);
        if (index < 0) {
            return false;
        }
        in.buffer().putBytes(index, frame);
        in.commit(index);
        Memory.fullFence(); // the frame is visible before the worker's wish is looked at
        if (armed) {
            readable.signal();
        }
        return true;
    }

    /**
     * Ends what the worker reads, behind the frames that were offered; null takes that back. Nothing is offered behind
     * it.
     */
    void end(final String why) {
        fault = why;
        Memory.fullFence(); // the end is visible before the worker's wish is looked at
        if (why != null && armed) {
            readable.signal();
        }
    }

    @Override
    public String fault() {
        return fault;
    }

    /** Takes the next frame that the worker wrote; null when there is none. */
    byte[] take() {
        return take(out);
    }

    private static byte[] take(final RingBuffer ring) {
        final byte[][] frame = new byte[1][];
        final MessageHandler handler = (type, buffer, index, length) -> {
            frame[0] = new byte[length];
            buffer.getBytes(index, frame[0]);
        };
        return read(ring, handler) ? frame[0] : null;
    }

    /** Takes back what was offered and not read. While neither a worker nor a reader is at it. */
    List<byte[]> takeBack() {
        final List<byte[]> frames = new ArrayList<>();
        for (byte[] frame = take(in); frame != null; frame = take(in)) {
            frames.add(frame);
        }
        return frames;
    }

    /** Whether the sender has done all that the worker asked for, and waits for more; while the worker writes nothing. */
    boolean allTaken() {
        return out.size() == 0 && waiting != null; // in this order: it waits for more only when it is done with what it took
    }

    /** Returns when there may be a frame to {@link #take}, or after a tenth of a second. */
    void await() {
        waiting = Thread.currentThread(); // before the ring is looked at, see flush
        if (out.size() == 0) {
            LockSupport.parkNanos(this, LONGEST_WAIT_NANOS);
        }
        waiting = null;
    }

    /** Closes it. Nobody may use it any more. */
    @Override
    public void close() {
        readable.close();
    }
}
