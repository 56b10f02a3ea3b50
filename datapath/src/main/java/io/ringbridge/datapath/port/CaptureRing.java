package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.Mapping;
import org.agrona.concurrent.ControlledMessageHandler;
import org.agrona.concurrent.UnsafeBuffer;
import org.agrona.concurrent.ringbuffer.OneToOneRingBuffer;
import org.agrona.concurrent.ringbuffer.RingBufferDescriptor;
import org.jspecify.annotations.Nullable;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The frames that one worker has copied for one capture, in memory of the switch. The worker writes; the reader of the
 * capture reads. If the ring is full, the frame is lost to the capture and counted: the worker never waits.
 */
final class CaptureRing implements AutoCloseable {
    /** A record may take at most an eighth of the ring. Only pages that have been used consume memory. */
    private static final int BYTES = 4 << 20;
    private static final VarHandle LOST;

    static {
        try {
            LOST = MethodHandles.lookup().findVarHandle(CaptureRing.class, "lost", long.class);
        } catch (final ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Mapping memory = Mapping.anonymous(BYTES + RingBufferDescriptor.TRAILER_LENGTH);
    private final OneToOneRingBuffer ring = new OneToOneRingBuffer(
        new UnsafeBuffer(memory.address(), BYTES + RingBufferDescriptor.TRAILER_LENGTH));
    /** Written by the worker. */
    private long lost;

    /**
     * Copies a frame. Called by the worker.
     *
     * @param nanos the time of the event
     * @param reason the reason for a drop, or null
     * @param peer the index of the port that the frame goes to, or 0
     * @param most the most bytes to copy
     */
    void record(final long nanos, final CaptureEvent event, final @Nullable DropReason reason, final int peer,
                final Segments frame, final int most) {
        final int bytes = Math.min(frame.totalLength(), most);
        final int index = ring.tryClaim(event.ordinal() + 1, CapturedFrame.HEADER + bytes);
        if (index < 0) {
            countLost();
            return;
        }
        try {
            final long to = ring.buffer().addressOffset() + index;
            CapturedFrame.write(to, nanos, frame.totalLength(), reason, peer);
            frame.peek(to + CapturedFrame.HEADER, bytes);
            Memory.surfaceFault(); // a fault raised later would leave bytes in the capture that no guest has sent
        } catch (final InternalError e) {
            ring.abort(index); // the claimed space would keep the reader from all later frames
            countLost();
            throw e;
        }
        ring.commit(index);
    }

    private void countLost() {
        LOST.setOpaque(this, lost + 1);
    }

    /** Returns the number of frames that found no room. Any thread may call. */
    long lost() {
        return (long) LOST.getOpaque(this);
    }

    /** Passes records to a handler until it breaks, none is left, or the ring wraps. Called by the reader. */
    void read(final ControlledMessageHandler handler) {
        ring.controlledRead(handler, Integer.MAX_VALUE);
    }

    /** Returns the memory. Neither the worker nor the reader may use the ring any more. */
    @Override
    public void close() {
        memory.close();
    }
}
