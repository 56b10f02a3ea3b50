package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.Memory;
import org.agrona.DirectBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A frame in a {@link CaptureRing}, as the reader of the capture sees it:
 *
 * <pre>
 *   0       8        12       14     16
 *  | nanos | length | reason | peer | bytes |
 * </pre>
 * The reason is the ordinal of a {@link DropReason} plus 1, or 0. The peer is the index of a port.
 *
 * <p>One object serves for all frames of a capture. It is valid during {@link PortCapture.Reader#frame} only.
 */
public final class CapturedFrame {
    /** Bytes before those of the frame. */
    static final int HEADER = 16;

    private static final int LENGTH = 8;
    private static final int REASON = 12;
    private static final int PEER = 14;

    private CaptureEvent event = CaptureEvent.DELIVERED;
    private @Nullable DirectBuffer buffer;
    private int index;
    private int captured;

    CapturedFrame() {
    }

    /** Writes the fields before the bytes of a frame. */
    static void write(final long to, final long nanos, final int length, final @Nullable DropReason reason,
                      final int peer) {
        Memory.putLong(to, nanos);
        Memory.putInt(to + LENGTH, length);
        Memory.putShort(to + REASON, (short) (reason == null ? 0 : reason.ordinal() + 1));
        Memory.putShort(to + PEER, (short) peer);
    }

    /** Moves to a record. */
    void wrap(final CaptureEvent eventOfRecord, final DirectBuffer ring, final int record, final int length) {
        event = eventOfRecord;
        buffer = ring;
        index = record;
        captured = length - HEADER;
    }

    public CaptureEvent event() {
        return event;
    }

    /** Returns the time of the event in the time of {@link System#nanoTime}. */
    public long nanos() {
        return Memory.getLong(record());
    }

    /** Returns the bytes of the whole frame. */
    public int length() {
        return Memory.getInt(record() + LENGTH);
    }

    /** Returns the number of bytes captured. */
    public int captured() {
        return captured;
    }

    /** Returns the reason for a drop, or null if the frame was not dropped. */
    public @Nullable DropReason reason() {
        final int code = Memory.getShort(record() + REASON);
        return code == 0 ? null : DropReason.at(code - 1);
    }

    /** Returns the index of the port that a forwarded frame goes to. */
    public int peer() {
        return Memory.getShort(record() + PEER) & 0xFFFF;
    }

    /** Returns the address of the bytes in this process. */
    public long address() {
        return record() + HEADER;
    }

    /** Returns the ring that contains the bytes, from {@link #offset} on. */
    public DirectBuffer buffer() {
        assert buffer != null : "a frame is read within a call of the reader";
        return buffer;
    }

    /** Returns the offset of the bytes in {@link #buffer}. */
    public int offset() {
        return index + HEADER;
    }

    private long record() {
        return buffer().addressOffset() + index;
    }
}
