package io.ringbridge.cli.top;

import io.ringbridge.api.PortView;
import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The rates of one port between two readings, per second. In and out are as seen from the switch.
 *
 * @param drops the drops per second by reason; reasons without drops are absent
 */
record Flow(PortView port, double inFrames, double inBits, double outFrames, double outBits,
            Map<String, Double> drops) {
    private static final double NANOS_PER_SECOND = 1e9;

    /** Returns the flows of the ports in a reading. A port that is missing in the reading before has no rates. */
    static List<Flow> between(final @Nullable Snapshot before, final Snapshot now) {
        final double seconds = before == null ? 1 : (now.nanos() - before.nanos()) / NANOS_PER_SECOND;
        return now.ports().stream().map(port -> {
            final PortView earlier = before == null ? port : before.ports().stream()
                .filter(each -> each.name().equals(port.name())).findFirst().orElse(port);
            return new Flow(port, rate(earlier.inFrames(), port.inFrames(), seconds),
                Byte.SIZE * rate(earlier.inBytes(), port.inBytes(), seconds),
                rate(earlier.outFrames(), port.outFrames(), seconds),
                Byte.SIZE * rate(earlier.outBytes(), port.outBytes(), seconds), drops(earlier, port, seconds));
        }).toList();
    }

    private static Map<String, Double> drops(final PortView before, final PortView now, final double seconds) {
        final Map<String, Double> drops = new TreeMap<>();
        now.drops().forEach((reason, count) -> {
            final double rate = rate(before.drops().getOrDefault(reason, 0L), count, seconds);
            if (rate > 0) {
                drops.put(reason, rate);
            }
        });
        return drops;
    }

    /** Returns a rate; 0 if the counter went back, because it was reset. */
    private static double rate(final long before, final long now, final double seconds) {
        return Math.max(0, now - before) / seconds;
    }

    double dropped() {
        return drops.values().stream().mapToDouble(Double::doubleValue).sum();
    }
}
