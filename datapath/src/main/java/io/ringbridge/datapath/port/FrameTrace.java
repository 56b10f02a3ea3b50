package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.Mapping;
import org.jspecify.annotations.Nullable;

import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The last frames of a queue pair in both directions, in memory of the switch:
 *
 * <pre>
 *   0        8      16       20        24     28      30       32
 *  | number | nanos | length | skipped | peer | event | reason | header, 64 bytes |
 * </pre>
 *
 * <p>The owner of the queues alone writes. It sets an entry's number to 0, writes the entry, and sets the number, with
 * release semantics, to one that no entry had before. Any thread may read: it copies an entry, and keeps the copy if
 * the number was the same before the copy, with acquire semantics, and after it. No atomic operation is needed.
 */
public final class FrameTrace implements AutoCloseable {
    /** The most bytes of a frame that are recorded: those up to the ports of TCP over IPv6, with a VLAN tag. */
    public static final int HEADER = 64;

    private static final int STRIDE = 96;
    private static final int NANOS = 8;
    private static final int LENGTH = 16;
    private static final int SKIPPED = 20;
    private static final int PEER = 24;
    private static final int EVENT = 28;
    private static final int REASON = 30;
    private static final int BYTES = 32;
    private static final int WORD = 8;

    private final int entries;
    private final Mapping memory;
    private final long base;
    private boolean closed;
    private long recorded;
    private int skippedIn;
    private int skippedOut;
    private long paidUntil;

    /** An entry with its number. */
    private record Numbered(long number, TracedFrame frame) {
    }

    /**
     * Creates an empty trace. Only entries that have been used consume memory.
     *
     * @param frames the number of entries, at least 1; rounded up to a power of two
     */
    FrameTrace(final int frames) {
        entries = frames == 1 ? 1 : Integer.highestOneBit(frames - 1) << 1;
        memory = Mapping.anonymous((long) entries * STRIDE);
        base = memory.address();
    }

    /**
     * Returns how many frames may be recorded at the expense of the worker's reserve. The queue pair earns one per
     * {@code 1 << shift} nanoseconds, and saves up to {@code most}.
     */
    public int earned(final long now, final int shift, final int most) {
        paidUntil = Math.clamp(paidUntil, now, now + ((long) most << shift));
        return most - (int) (paidUntil - now >>> shift);
    }

    /** Charges recorded frames to what the queue pair has earned. */
    public void pay(final int frames, final int shift) {
        paidUntil += (long) frames << shift;
    }

    /** Counts frames that are not recorded. */
    public void skip(final boolean in, final int frames) {
        if (in) {
            skippedIn += frames;
        } else {
            skippedOut += frames;
        }
    }

    /**
     * Records a frame. If its memory cannot be accessed, the fault is raised as for any other access, and the entry may
     * have bytes that no guest has sent.
     *
     * @param now the start of the duty cycle
     * @param reason the reason for a drop, or null
     * @param peer the serial number of the port to which the frame goes, or 0
     */
    public void record(final long now, final CaptureEvent event, final @Nullable DropReason reason, final int peer,
                       final Segments frame) {
        if (closed) {
            return;
        }
        final long entry = base + (recorded & entries - 1) * STRIDE;
        recorded++; // first: an entry that a fault interrupts stays without a number
        Memory.putLong(entry, 0);
        VarHandle.storeStoreFence(); // pairs with the load-load fence of the reader
        Memory.putLong(entry + NANOS, now);
        Memory.putInt(entry + LENGTH, frame.totalLength());
        Memory.putInt(entry + SKIPPED, event.isIn() ? skippedIn : skippedOut);
        Memory.putInt(entry + PEER, peer);
        Memory.putShort(entry + EVENT, (short) event.ordinal());
        Memory.putShort(entry + REASON, (short) (reason == null ? 0 : reason.ordinal() + 1));
        copyHeader(frame, entry + BYTES);
        Memory.putLongRelease(entry, recorded); // pairs with the acquire load of the reader
        if (event.isIn()) {
            skippedIn = 0;
        } else {
            skippedOut = 0;
        }
    }

    private static void copyHeader(final Segments frame, final long to) {
        if (frame.count() > 0 && frame.length(0) >= HEADER) {
            final long from = frame.address(0);
            for (int i = 0; i < HEADER; i += WORD) {
                Memory.putLong(to + i, Memory.getLong(from + i));
            }
        } else {
            frame.peek(to, Math.min(HEADER, frame.totalLength()));
        }
    }

    /** Returns the recorded frames, the oldest first. Any thread may call. */
    public synchronized List<TracedFrame> frames() {
        final List<Numbered> found = new ArrayList<>();
        for (int i = 0; i < entries && !closed; i++) {
            final long entry = base + (long) i * STRIDE;
            final long number = Memory.getLongAcquire(entry);
            if (number != 0) {
                final TracedFrame frame = read(entry);
                VarHandle.loadLoadFence();
                if (Memory.getLong(entry) == number) {
                    found.add(new Numbered(number, frame));
                }
            }
        }
        return found.stream().sorted(Comparator.comparingLong(Numbered::number)).map(Numbered::frame).toList();
    }

    /** Copies an entry, which may change meanwhile. */
    private static TracedFrame read(final long entry) {
        final int length = Memory.getInt(entry + LENGTH);
        final int reason = Memory.getShort(entry + REASON);
        final byte[] header = new byte[Math.clamp(length, 0, HEADER)];
        Memory.copy(entry + BYTES, header, 0, header.length);
        return new TracedFrame(Memory.getLong(entry + NANOS), CaptureEvent.at(Memory.getShort(entry + EVENT)),
            reason == 0 ? null : DropReason.at(reason - 1), Memory.getInt(entry + PEER), length,
            Memory.getInt(entry + SKIPPED), header);
    }

    /** Frees the memory. No worker may record a frame any more. */
    @Override
    public synchronized void close() {
        closed = true;
        memory.close();
    }
}
