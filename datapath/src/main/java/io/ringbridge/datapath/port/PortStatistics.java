package io.ringbridge.datapath.port;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * A reading of the counters of a port or of one of its queues. In and out are as seen from the switch.
 *
 * @param inFrames frames taken from the guest and forwarded
 * @param inBytes their Ethernet bytes, without the frame check sequence and the virtio-net header
 * @param outFrames frames delivered to the guest
 * @param outBytes their Ethernet bytes
 * @param drops dropped frames per reason; reasons that never occurred are absent
 */
public record PortStatistics(long inFrames, long inBytes, long outFrames, long outBytes, Map<DropReason, Long> drops) {
    /** No frames moved or dropped. */
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

    /** Returns the difference between this reading and another one. Its values may be negative. */
    public PortStatistics minus(final PortStatistics other) {
        final Map<DropReason, Long> difference = new EnumMap<>(DropReason.class);
        difference.putAll(drops);
        other.drops.forEach((reason, count) -> difference.merge(reason, -count, Long::sum));
        return new PortStatistics(inFrames - other.inFrames, inBytes - other.inBytes, outFrames - other.outFrames,
            outBytes - other.outBytes, difference);
    }
}
