package io.ringbridge.datapath.port;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.stream.Stream;

/**
 * The times in which a receive queue had no buffers, from the first frame that was dropped to the last one before a
 * frame was delivered again. The worker that owns the queue writes; any thread may read.
 */
final class Starvation {
    private static final long NEVER = Long.MIN_VALUE;
    private static final VarHandle SINCE;
    private static final VarHandle LAST;

    static {
        try {
            final MethodHandles.Lookup lookup = MethodHandles.lookup();
            SINCE = lookup.findVarHandle(Starvation.class, "since", long.class);
            LAST = lookup.findVarHandle(Starvation.class, "last", long.class);
        } catch (final ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final MeasuredInterruptions ended = new MeasuredInterruptions(InterruptionCause.NO_BUFFERS);
    /** The time of the first drop, or {@link #NEVER} if the last frame was delivered. */
    private long since = NEVER;
    private long last = NEVER;

    /**
     * Records that a frame was dropped for want of a buffer.
     *
     * @param now the start of the duty cycle
     */
    void dropped(final long now) {
        LAST.setOpaque(this, now);
        if (since == NEVER) {
            SINCE.setRelease(this, now); // a reader that sees it sees the time of the last drop too
        }
    }

    /** Records that a frame was delivered, or that the queue has no ring any more. */
    void end() {
        if (since != NEVER) {
            ended.record(since, last - since);
            SINCE.setOpaque(this, NEVER);
        }
    }

    /** Returns the latest interruptions, the oldest first. The last one may be ongoing. */
    List<Interruption> list() {
        final long start = (long) SINCE.getAcquire(this);
        final long nanos = (long) LAST.getOpaque(this) - start;
        return start == NEVER || nanos < MeasuredInterruptions.SHORTEST ? ended.list()
            : Stream.concat(ended.list().stream(),
                Stream.of(new Interruption(InterruptionCause.NO_BUFFERS, start, nanos, true))).toList();
    }
}
