package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.packet.FrameKinds;
import io.ringbridge.datapath.port.QueueCounters;

/**
 * Counts the destinations of flooded frames at their receivers. Other frames all have unicast destinations, so their
 * addresses are not read again.
 *
 * <p>Owned by one worker.
 */
final class FloodCount {
    private final long scratch = Memory.allocate(Long.BYTES);
    private boolean flooded;

    /** Begins a run of frames, which all have the same verdict. */
    void begin(final Frame first) {
        flooded = first.verdict() != Frame.Verdict.UNICAST;
    }

    /** Counts frames of the run that were delivered. */
    void count(final FrameRing frames, final long first, final int delivered, final QueueCounters counters) {
        if (flooded) {
            long destinations = 0;
            for (int i = 0; i < delivered; i++) {
                destinations += FrameKinds.ofDestination(destination(frames.get(first + i)));
            }
            counters.movedToGroups(destinations);
        }
    }

    /**
     * Counts a frame of the run.
     *
     * @param copies the number of segments that were delivered; 1 for a whole frame, 0 if it was dropped
     */
    void count(final Frame frame, final long copies, final QueueCounters counters) {
        if (flooded && copies > 0) {
            counters.movedToGroups(copies * FrameKinds.ofDestination(destination(frame)));
        }
    }

    private long destination(final Frame frame) {
        if (frame.length(0) >= Long.BYTES) {
            return Memory.getLong(frame.address(0));
        }
        frame.peek(scratch, Long.BYTES);
        return Memory.getLong(scratch);
    }
}
