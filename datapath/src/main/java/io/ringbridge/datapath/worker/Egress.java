package io.ringbridge.datapath.worker;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.ReceiveQueue;
import io.ringbridge.datapath.ring.DeviceRing;

import java.util.Arrays;

/**
 * Delivers frames: copies each from its sender's memory into the receiver's buffers, the only copy there is.
 *
 * <p>Used buffers become visible, and the guest is notified, at {@link #flush}, once a queue and burst. Owned by one worker.
 */
final class Egress {
    /** The header's last two bytes, {@code num_buffers}, where one buffer holds the frame. */
    private static final int ONE_BUFFER = 1 << 16;
    private static final int NUM_BUFFERS = 10;

    private final Segments buffers = new Segments();
    private final Segments merged = new Segments();
    private final int[] capacities = new int[Segments.MAX_SEGMENTS];
    private final long[] targets = new long[Ingress.BURST];
    private final long header = Memory.allocate(16);
    private ReceiveQueue[] touched = new ReceiveQueue[64];
    private int touchedCount;
    private final Notifier notifier;
    private long delivered;

    Egress(final Notifier notifier) {
        this.notifier = notifier;
    }

    /** Frames delivered since the start. */
    long delivered() {
        return delivered;
    }

    /**
     * Delivers frames that lie behind each other and go to the same queue, or drops them and counts why.
     *
     * <p>Three passes over as many as fit a buffer each, so that cache misses overlap: buffers, then headers, then the copies.
     */
    void deliver(final FrameRing frames, final long first, final int count, final ReceiveQueue queue) {
        int done = 0;
        while (done < count) {
            final DeviceRing ring = queue.ring();
            if (ring == null || !queue.enabled()) {
                final DropReason refusal = queue.refusal();
                for (; done < count; done++) {
                    queue.counters().dropped(refusal);
                }
                return;
            }
            done += deliverSome(frames, first + done, Math.min(count - done, targets.length), queue, ring);
        }
    }

    private int deliverSome(final FrameRing frames, final long first, final int count, final ReceiveQueue queue, final DeviceRing ring) {
        final int headerLength = ring.headerLength();
        int fitting = 0;
        int taken = DeviceRing.TAKEN;
        while (fitting < count) {
            taken = ring.next(buffers, true);
            if (taken != DeviceRing.TAKEN || buffers.count() != 1
                || buffers.length(0) < headerLength + frames.get(first + fitting).totalLength()) {
                break;
            }
            targets[fitting++] = buffers.address(0);
        }
        if (fitting > 0) {
            done(queue, fitting, ring.log() == null ? fill(frames, first, fitting, ring) : fillLogged(frames, first, fitting, ring));
        }
        if (fitting < count) {
            deliverScattered(frames.get(first + fitting), queue, ring, taken);
            return fitting + 1;
        }
        return fitting;
    }

    /** Fills the buffers taken, one frame each; the sum of their lengths. */
    private long fill(final FrameRing frames, final long first, final int count, final DeviceRing ring) {
        final int headerLength = ring.headerLength();
        for (int i = 0; i < count; i++) {
            writeHeader(targets[i], headerLength);
        }
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            final Frame frame = frames.get(first + i);
            copy(frame, targets[i] + headerLength);
            ring.use(headerLength + frame.totalLength());
            bytes += frame.totalLength();
        }
        return bytes;
    }

    /** The same with every write logged before its buffer is used, and headers written whether they differ or not. */
    private long fillLogged(final FrameRing frames, final long first, final int count, final DeviceRing ring) {
        final int headerLength = ring.headerLength();
        for (int i = 0; i < count; i++) {
            putHeader(targets[i], headerLength, ONE_BUFFER);
            copy(frames.get(first + i), targets[i] + headerLength);
        }
        DirtyLog.fence();
        for (int i = 0; i < count; i++) {
            ring.log().written(targets[i], headerLength + frames.get(first + i).totalLength());
        }
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            final int length = frames.get(first + i).totalLength();
            ring.use(headerLength + length);
            bytes += length;
        }
        return bytes;
    }

    private static void putHeader(final long to, final int headerLength, final int lastWord) {
        Memory.putLong(to, 0);
        if (headerLength == NUM_BUFFERS) {
            Memory.putShort(to + 8, (short) 0);
        } else {
            Memory.putInt(to + 8, lastWord);
        }
    }

    /** Writes only what differs: the line a header lies on is often shared with the guest's processor, and right already. */
    private static void writeHeader(final long to, final int headerLength) {
        if (Memory.getLong(to) != 0) {
            Memory.putLong(to, 0);
        }
        if (headerLength == NUM_BUFFERS) {
            Memory.putShort(to + 8, (short) 0);
        } else if (Memory.getInt(to + 8) != ONE_BUFFER) {
            Memory.putInt(to + 8, ONE_BUFFER);
        }
    }

    private static void copy(final Frame frame, final long to) {
        if (frame.count() == 1) {
            Memory.copy(frame.address(0), to, frame.length(0));
        } else {
            gather(frame, to);
        }
    }

    private static void gather(final Frame frame, final long to) {
        long at = to;
        for (int i = 0; i < frame.count(); i++) {
            Memory.copy(frame.address(i), at, frame.length(i));
            at += frame.length(i);
        }
    }

    private void done(final ReceiveQueue queue, final int count, final long bytes) {
        queue.delivered(count, bytes);
        delivered += count;
        touch(queue);
    }

    private void touch(final ReceiveQueue queue) {
        if (queue.touch()) {
            if (touchedCount == touched.length) {
                touched = Arrays.copyOf(touched, 2 * touchedCount);
            }
            touched[touchedCount++] = queue;
        }
    }

    /** Delivers into a buffer of several pieces, or over several buffers. */
    private void deliverScattered(final Frame frame, final ReceiveQueue queue, final DeviceRing ring, final int firstTaken) {
        final int headerLength = ring.headerLength();
        final int needed = headerLength + frame.totalLength();
        int taken = firstTaken;
        int count = 0;
        merged.clear();
        while (taken == DeviceRing.TAKEN && merged.addAll(buffers)) {
            capacities[count++] = buffers.totalLength();
            if (merged.totalLength() >= needed || !ring.mergeable()) {
                break;
            }
            taken = count == capacities.length ? DeviceRing.EMPTY : ring.next(buffers, true);
        }
        if (taken == DeviceRing.BAD) {
            giveUp(queue, ring, count + 1);
        } else if (taken == DeviceRing.BROKEN) {
            queue.breakRing();
            queue.counters().dropped(DropReason.BAD_BUFFER);
        } else if (merged.totalLength() < needed) {
            ring.rewind(ring.out());
            queue.counters().dropped(taken == DeviceRing.EMPTY ? DropReason.NO_BUFFER : DropReason.SMALL_BUFFER);
        } else {
            putHeader(header, headerLength, count << 16);
            scatter(frame, headerLength);
            if (ring.log() != null) {
                ring.log().written(merged, needed);
            }
            int left = needed;
            for (int i = 0; i < count; i++) {
                final int written = Math.min(left, capacities[i]);
                ring.use(written);
                left -= written;
            }
            done(queue, 1, frame.totalLength());
        }
    }

    /** Gives unusable buffers back empty, the good ones before them too, since buffers go back in order. */
    private void giveUp(final ReceiveQueue queue, final DeviceRing ring, final int count) {
        for (int i = 0; i < count; i++) {
            ring.use(0);
        }
        queue.counters().dropped(DropReason.BAD_BUFFER);
        touch(queue);
    }

    /** Copies header and frame into the merged pieces. */
    private void scatter(final Frame frame, final int headerLength) {
        int to = 0;
        int toOffset = 0;
        for (int from = -1; from < frame.count(); from++) {
            long source = from < 0 ? header : frame.address(from);
            int left = from < 0 ? headerLength : frame.length(from);
            while (left > 0) {
                final int n = Math.min(left, merged.length(to) - toOffset);
                Memory.copy(source, merged.address(to) + toOffset, n);
                source += n;
                left -= n;
                toOffset += n;
                if (toOffset == merged.length(to)) {
                    to++;
                    toOffset = 0;
                }
            }
        }
    }

    /** Ends the burst for every queue that got something. */
    void flush() {
        for (int i = 0; i < touchedCount; i++) {
            touched[i].flush();
            notifier.add(touched[i]);
            touched[i] = null;
        }
        touchedCount = 0;
    }
}
