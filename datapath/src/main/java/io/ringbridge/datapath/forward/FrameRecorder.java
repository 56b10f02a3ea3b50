package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.port.CaptureEvent;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.FrameTrace;
import io.ringbridge.datapath.port.Sink;
import io.ringbridge.datapath.port.Source;
import org.jspecify.annotations.Nullable;

/**
 * Records frames in the traces of their queues, as many as a worker can afford.
 *
 * <p>The worker earns one record per 8192 ns, whether it is busy or not, and saves up to {@value #SAVED}. A record
 * takes some 60 ns, because its memory is seldom in a cache. So a worker under full load spends less than 1 % of its
 * time on records. Half of the savings are reserved: they are for queue pairs that have seldom recorded of late. So the
 * few frames of one port are recorded beside the many frames of another.
 *
 * <p>Of a burst that has more frames than may be recorded, those that were dropped come first. The others are counted.
 *
 * <p>Owned by one worker.
 */
public final class FrameRecorder {
    /** The binary logarithm of the nanoseconds per record. */
    private static final int SHIFT = 13;
    private static final int SAVED = 256;
    private static final int RESERVED = SAVED / 2;
    /** A queue pair earns one record of the reserve per 32768 ns, and saves up to 64. */
    private static final int OWN_SHIFT = 15;
    private static final int OWN_SAVED = 64;

    private long now;
    private long paidUntil;

    /**
     * Begins a duty cycle.
     *
     * @param nanos its start, the time of every frame recorded in it
     */
    public void beginCycle(final long nanos) {
        now = nanos;
    }

    /** Records frames that were taken from a queue and decided. */
    void taken(final FrameRing frames, final long first, final int count, final Source source) {
        final FrameTrace trace = source.trace();
        if (trace == null) {
            return;
        }
        final int most = affordable(trace, count);
        int done = 0;
        if (most > 0) {
            if (source.counters().lastDrop() != null) {
                done = record(frames, first, count, most, trace, true);
            }
            done += record(frames, first, count, most - done, trace, false);
            pay(trace, done);
        }
        trace.skip(true, count - done);
    }

    /**
     * Records some of the frames of a burst.
     *
     * @param dropped whether to record those that were dropped, or the others
     * @return the number recorded
     */
    private int record(final FrameRing frames, final long first, final int count, final int most,
                       final FrameTrace trace, final boolean dropped) {
        int done = 0;
        for (int i = 0; i < count && done < most; i++) {
            final Frame frame = frames.get(first + i);
            final DropReason reason = frame.dropReason();
            if ((reason != null) == dropped) {
                record(frame, reason, trace);
                done++;
            }
        }
        return done;
    }

    private void record(final Frame frame, final @Nullable DropReason reason, final FrameTrace trace) {
        if (reason != null) {
            trace.record(now, CaptureEvent.DROPPED_IN, reason, 0, frame);
        } else if (frame.verdict() == Frame.Verdict.FLOOD || frame.verdict() == Frame.Verdict.FLOOD_VLAN) {
            trace.record(now, CaptureEvent.FLOODED, null, 0, frame);
        } else { // a frame without a verdict was passed to another worker
            trace.record(now, CaptureEvent.FORWARDED, null, frame.receiver().port().serial(), frame);
        }
    }

    /** Records frames that a queue has received. */
    void delivered(final FrameRing frames, final long first, final int count, final Sink sink) {
        final FrameTrace trace = sink.trace();
        if (trace == null) {
            return;
        }
        final int most = affordable(trace, count);
        for (int i = 0; i < most; i++) {
            trace.record(now, CaptureEvent.DELIVERED, null, 0, frames.get(first + i));
        }
        pay(trace, most);
        trace.skip(false, count - most);
    }

    /**
     * Records one frame that a queue was to receive.
     *
     * @param reason the reason if the frame was dropped, or null
     */
    void left(final Frame frame, final Sink sink, final @Nullable DropReason reason) {
        final FrameTrace trace = sink.trace();
        if (trace == null) {
            return;
        }
        if (affordable(trace, 1) == 0) {
            trace.skip(false, 1);
            return;
        }
        trace.record(now, reason == null ? CaptureEvent.DELIVERED : CaptureEvent.DROPPED_OUT, reason, 0, frame);
        pay(trace, 1);
    }

    /** Returns how many of these frames may be recorded. */
    private int affordable(final FrameTrace trace, final int frames) {
        paidUntil = Math.clamp(paidUntil, now, now + ((long) SAVED << SHIFT));
        final int saved = SAVED - (int) (paidUntil - now >>> SHIFT);
        final int own = Math.min(saved, trace.earned(now, OWN_SHIFT, OWN_SAVED));
        return Math.clamp(Math.max(own, saved - RESERVED), 0, frames);
    }

    private void pay(final FrameTrace trace, final int frames) {
        paidUntil += (long) frames << SHIFT;
        trace.pay(frames, OWN_SHIFT);
    }
}
