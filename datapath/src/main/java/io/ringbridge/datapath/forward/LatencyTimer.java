package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.port.Latency;
import io.ringbridge.datapath.port.Sink;
import org.jspecify.annotations.Nullable;

import java.util.function.LongSupplier;

/** Measures the latency of the {@link TimedFrame} of a worker's inbox. Owned by the worker. */
final class LatencyTimer {
    private final TimedFrame frame;
    private final LongSupplier nanoClock;
    private long begun;
    private @Nullable Sink receiver;

    LatencyTimer(final TimedFrame frame, final LongSupplier nanoClock) {
        this.frame = frame;
        this.nanoClock = nanoClock;
    }

    /** Whether the frame is among those published up to a sequence. */
    boolean isDue(final long lastPublished) {
        return frame.sequence() <= lastPublished;
    }

    long sequence() {
        return frame.sequence();
    }

    /** Begins the delivery of the frames up to the measured one. */
    void begin() {
        begun = nanoClock.getAsLong();
        receiver = null;
    }

    /** Records that the frame has arrived in a queue, whose used buffers are not published yet. */
    void arrived(final Sink queue) {
        receiver = queue;
    }

    /** Ends the measurement: used buffers are published. Nothing is recorded for a frame that did not arrive. */
    void end() {
        final Latency latency = receiver == null ? null : receiver.latency();
        if (latency != null) {
            latency.record(nanoClock.getAsLong() - frame.taken(), begun - frame.passed());
        }
        receiver = null;
        frame.clear();
    }
}
