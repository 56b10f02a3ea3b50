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
    static PortStatistics sum(final List<PortStatistics> parts) {
        final Map<DropReason, Long> drops = new EnumMap<>(DropReason.class);
        parts.forEach(part -> part.drops.forEach((reason, count) -> drops.merge(reason, count, Long::sum)));
        return new PortStatistics(parts.stream().mapToLong(PortStatistics::inFrames).sum(),
            parts.stream().mapToLong(PortStatistics::inBytes).sum(),
            parts.stream().mapToLong(PortStatistics::outFrames).sum(),
            parts.stream().mapToLong(PortStatistics::outBytes).sum(), drops);
    }
}
