package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.frame.Frame;
import io.ringbridge.datapath.frame.FrameRing;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.Scratch;
import io.ringbridge.datapath.packet.FrameKinds;
import io.ringbridge.datapath.port.QueueCounters;

/**
 * Counts frames by destination at their receivers. Only flooded frames may have a group address, so the addresses of
 * others are not read again.
 *
 * <p>Owned by one worker.
 */
final class DestinationCount {
    private final Scratch memory = Scratch.of(Long.BYTES);
    private final long scratch = memory.address();
    private boolean flooded;

    /** Begins a run of frames, which all have the same verdict. */
    void begin(final Frame first) {
        flooded = first.verdict() != Frame.Verdict.UNICAST;
    }

    /** Counts frames of the run that were delivered. */
    void count(final FrameRing frames, final long first, final int delivered, final QueueCounters counters) {
        long destinations = 0;
        if (flooded) {
            for (int i = 0; i < delivered; i++) {
                destinations += FrameKinds.ofDestination(destination(frames.get(first + i)));
            }
        }
        counters.movedTo(delivered, destinations);
    }

    /**
     * Counts a frame of the run.
     *
     * @param copies the number of segments that were delivered; 1 for a whole frame, 0 if it was dropped
     */
    void count(final Frame frame, final long copies, final QueueCounters counters) {
        if (copies > 0) {
            counters.movedTo(copies, flooded ? copies * FrameKinds.ofDestination(destination(frame)) : 0);
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
