package io.ringbridge.datapath.port;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * A reading of a port's counters, or of one of its queues'. In and out are seen from the switch.
 *
 * @param inFrames frames taken from the guest and forwarded
 * @param inBytes their Ethernet bytes, without the frame check sequence and the virtio-net header
 * @param outFrames frames given to the guest
 * @param outBytes their Ethernet bytes
 * @param drops what was dropped, a reason; reasons that never happened are absent
 */
public record PortStatistics(long inFrames, long inBytes, long outFrames, long outBytes, Map<DropReason, Long> drops) {
    /** Nothing moved, nothing dropped. */
    public static final PortStatistics NONE = new PortStatistics(0, 0, 0, 0, Map.of());

    static PortStatistics sum(final List<PortStatistics> parts) {
        final Map<DropReason, Long> drops = new EnumMap<>(DropReason.class);
        parts.forEach(part -> part.drops.forEach((reason, count) -> drops.merge(reason, count, Long::sum)));
        drops.values().removeIf(count -> count == 0);
        return new PortStatistics(parts.stream().mapToLong(PortStatistics::inFrames).sum(),
            parts.stream().mapToLong(PortStatistics::inBytes).sum(),
            parts.stream().mapToLong(PortStatistics::outFrames).sum(),
            parts.stream().mapToLong(PortStatistics::outBytes).sum(), drops);
    }

    /** What there is more here than in another reading; less where that had more. */
    PortStatistics minus(final PortStatistics other) {
        final Map<DropReason, Long> difference = new EnumMap<>(DropReason.class);
        difference.putAll(drops);
        other.drops.forEach((reason, count) -> difference.merge(reason, -count, Long::sum));
        return new PortStatistics(inFrames - other.inFrames, inBytes - other.inBytes, outFrames - other.outFrames,
            outBytes - other.outBytes, difference);
    }
}
