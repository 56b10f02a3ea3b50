package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.port.CaptureEvent;
import io.ringbridge.datapath.port.DropReason;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortCapture;
import org.jspecify.annotations.Nullable;

/** Copies frames to the captures of their ports. Owned by one worker. */
final class Captures {
    private final int worker;

    /**
     * Creates the captures' side of a worker.
     *
     * @param worker the worker's number
     */
    Captures(final int worker) {
        this.worker = worker;
    }

    /** Copies a burst that was taken from a port and decided, if the port has captures. */
    void taken(final FrameRing frames, final long first, final int count, final Port port) {
        final PortCapture[] captures = port.inCaptures();
        if (captures.length > 0) {
            copyTaken(frames, first, count, captures);
        }
    }

    private void copyTaken(final FrameRing frames, final long first, final int count, final PortCapture[] captures) {
        final long nanos = System.nanoTime();
        for (int i = 0; i < count; i++) {
            final Frame frame = frames.get(first + i);
            switch (frame.verdict()) {
                case DROP -> copyDropped(frame, nanos, captures);
                case FLOOD, FLOOD_VLAN -> copy(frame, nanos, CaptureEvent.FLOODED, null, 0, captures);
                default ->
                    copy(frame, nanos, CaptureEvent.FORWARDED, null, frame.receiver().port().index(), captures);
            }
        }
    }

    /** Copies a frame that was dropped, or that was passed to another worker. */
    private void copyDropped(final Frame frame, final long nanos, final PortCapture[] captures) {
        final DropReason reason = frame.dropReason();
        if (reason == null) {
            copy(frame, nanos, CaptureEvent.FORWARDED, null, frame.receiver().port().index(), captures);
        } else {
            copy(frame, nanos, CaptureEvent.DROPPED_IN, reason, 0, captures);
        }
    }

    /**
     * Copies a frame that a port has received.
     *
     * @param reason the reason if the frame was dropped, else null
     */
    void left(final Frame frame, final long nanos, final @Nullable DropReason reason, final PortCapture[] captures) {
        copy(frame, nanos, reason == null ? CaptureEvent.DELIVERED : CaptureEvent.DROPPED_OUT, reason, 0, captures);
    }

    private void copy(final Frame frame, final long nanos, final CaptureEvent event, final @Nullable DropReason reason,
                      final int peer, final PortCapture[] captures) {
        for (final PortCapture capture : captures) {
            capture.record(worker, nanos, event, reason, peer, frame);
        }
    }
}
