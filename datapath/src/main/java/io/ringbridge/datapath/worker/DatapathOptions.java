package io.ringbridge.datapath.worker;

import java.time.Duration;
import java.util.List;

/**
 * What a datapath is made of.
 *
 * @param workers threads, 1 to 64
 * @param cpus the processors they are pinned to, in order; empty for no pinning, else one a worker
 * @param poll what they do when idle
 * @param fdbCapacity stations the forwarding table holds, 16 to 1048576
 * @param fdbAgeing how long a station is remembered that is not heard of
 */
public record DatapathOptions(int workers, List<Integer> cpus, PollMode poll, int fdbCapacity, Duration fdbAgeing) {
    /** One worker that is not pinned, 65536 stations, 300 seconds. */
    public static final DatapathOptions DEFAULT = new DatapathOptions(1, List.of(), PollMode.ADAPTIVE, 65536, Duration.ofMinutes(5));
}
