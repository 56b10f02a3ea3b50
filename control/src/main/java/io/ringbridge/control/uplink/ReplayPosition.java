package io.ringbridge.control.uplink;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;

import java.util.List;

/**
 * The point in a capture that a {@link Replay} has reached, for the process that continues the replay.
 *
 * @param replayed the number of frames replayed; the new process skips that many
 * @param ended whether the end of the capture was reached and logged
 * @param firstCaptured the time at which the first frame was captured, in nanoseconds since 1970
 * @param began the {@link System#nanoTime()} at which the first frame was replayed; 0 if none was
 * @param waiting the frames that were replayed, but not taken by the worker
 */
record ReplayPosition(long replayed, boolean ended, long firstCaptured, long began, List<byte[]> waiting) {
    /** The position before the first frame. */
    static final ReplayPosition START = new ReplayPosition(0, false, 0, 0, List.of());

    /** More frames than fit in the ring between reader and worker. */
    private static final int MAX_WAITING = 1 << 18;

    /** Writes the position for another process. */
    void save(final StateWriter out) {
        out.wide(replayed).flag(ended).wide(firstCaptured).wide(began);
        SavedFrames.save(waiting, out);
    }

    /**
     * Reads the position that another process wrote.
     *
     * @throws HandOverException if no replay can have left such frames
     */
    static ReplayPosition restore(final StateReader in) {
        final ReplayPosition position = new ReplayPosition(in.wide(), in.flag(), in.wide(), in.wide(),
            SavedFrames.restore(MAX_WAITING, in));
        if (position.waiting.stream().anyMatch(frame -> frame.length > PcapDevice.MAX_FRAME)) {
            throw new HandOverException("the state has a frame longer than " + PcapDevice.MAX_FRAME + " bytes");
        }
        return position;
    }
}
