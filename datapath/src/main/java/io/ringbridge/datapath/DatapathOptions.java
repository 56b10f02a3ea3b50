package io.ringbridge.datapath;

import io.ringbridge.datapath.worker.PollMode;

import java.time.Duration;
import java.util.List;

/**
 * The settings of a datapath.
 *
 * @param workers the number of worker threads, 1 to 64
 * @param cpus the processors to which workers are pinned, in order; one per worker, or empty for no pinning
 * @param poll the behaviour of an idle worker
 * @param fdbCapacity the most stations in the forwarding table, 16 to 1048576
 * @param fdbAgeing the time after which a silent station is forgotten
 * @param latencySample the latency of one of this many frames is measured; 0 for none
 */
public record DatapathOptions(int workers, List<Integer> cpus, PollMode poll, int fdbCapacity, Duration fdbAgeing,
                              int latencySample) {
    /** The default of {@link #latencySample}. */
    public static final int LATENCY_SAMPLE = 1024;
    /** One worker without pinning, 65536 stations, 300 seconds, and one latency sample per 1024 frames. */
    public static final DatapathOptions DEFAULT =
        new DatapathOptions(1, List.of(), PollMode.ADAPTIVE, 65536, Duration.ofMinutes(5));

    /** Creates settings with the default of {@link #latencySample}. */
    public DatapathOptions(final int workers, final List<Integer> cpus, final PollMode poll, final int fdbCapacity,
                           final Duration fdbAgeing) {
        this(workers, cpus, poll, fdbCapacity, fdbAgeing, LATENCY_SAMPLE);
    }
}
