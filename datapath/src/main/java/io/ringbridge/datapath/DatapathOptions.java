package io.ringbridge.datapath;

import io.ringbridge.datapath.worker.PollMode;

import java.time.Duration;
import java.util.List;

/**
 * The settings of a datapath.
 *
 * @param workers the number of worker threads at the start, 1 to 64
 * @param cpus the processors to which workers are pinned, in order; one per worker, or empty for no pinning
 * @param poll the behaviour of an idle worker
 * @param fdbCapacity the most stations in the forwarding table, 16 to 1048576
 * @param fdbAgeing the time after which a silent station is forgotten
 * @param recordedFrames the number of frames per queue pair that are kept for a trace; 0 for none
 * @param latencySample the latency of one of this many frames is measured; 0 for none
 */
public record DatapathOptions(int workers, List<Integer> cpus, PollMode poll, int fdbCapacity, Duration fdbAgeing,
                              int recordedFrames, int latencySample) {
    /** The default of {@link #recordedFrames}. */
    public static final int RECORDED_FRAMES = 4096;
    /** The default of {@link #latencySample}. */
    public static final int LATENCY_SAMPLE = 1024;
    /**
     * One worker without pinning, 65536 stations, 300 seconds, 4096 recorded frames, and one latency sample per 1024
     * frames.
     */
    public static final DatapathOptions DEFAULT =
        new DatapathOptions(1, List.of(), PollMode.ADAPTIVE, 65536, Duration.ofMinutes(5));

    /** Creates settings with the defaults of {@link #recordedFrames} and {@link #latencySample}. */
    public DatapathOptions(final int workers, final List<Integer> cpus, final PollMode poll, final int fdbCapacity,
                           final Duration fdbAgeing) {
        this(workers, cpus, poll, fdbCapacity, fdbAgeing, RECORDED_FRAMES, LATENCY_SAMPLE);
    }

    /** Returns the same settings with another number of {@link #recordedFrames}. */
    public DatapathOptions withRecordedFrames(final int frames) {
        return new DatapathOptions(workers, cpus, poll, fdbCapacity, fdbAgeing, frames, latencySample);
    }

    /** Returns the same settings with another {@link #latencySample}. */
    public DatapathOptions withLatencySample(final int frames) {
        return new DatapathOptions(workers, cpus, poll, fdbCapacity, fdbAgeing, recordedFrames, frames);
    }
}
