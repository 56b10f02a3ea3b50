package io.ringbridge.app;

import io.ringbridge.api.RatesView;
import io.ringbridge.datapath.port.Port;
import io.ringbridge.datapath.port.PortStatistics;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The rates of all ports over the last period. One thread calls {@link #sample} once per period; any thread may call
 * {@link #of}. Reading the counters costs the workers nothing.
 */
final class Rates {
    /** The interval between calls of {@link #sample}. */
    static final Duration PERIOD = Duration.ofSeconds(1);
    private static final double NANOS_PER_SECOND = 1e9;

    private Map<Port, PortStatistics> last = Map.of();
    private long lastNanos;
    private volatile Map<Port, RatesView> rates = Map.of();

    /**
     * Reads the counters of the present ports.
     *
     * @param nanos the current time
     */
    void sample(final List<Port> present, final long nanos) {
        final double seconds = (nanos - lastNanos) / NANOS_PER_SECOND;
        final Map<Port, PortStatistics> now = new HashMap<>();
        final Map<Port, RatesView> next = new HashMap<>();
        for (final Port port : present) {
            final PortStatistics reading = port.statistics();
            final PortStatistics before = last.get(port);
            now.put(port, reading);
            if (before != null) {
                next.put(port, between(before, reading, seconds));
            }
        }
        last = now;
        lastNanos = nanos;
        rates = next;
    }

    private static RatesView between(final PortStatistics before, final PortStatistics now, final double seconds) {
        return new RatesView(rate(before.inFrames(), now.inFrames(), seconds),
            rate(before.inBytes(), now.inBytes(), seconds), rate(before.outFrames(), now.outFrames(), seconds),
            rate(before.outBytes(), now.outBytes(), seconds), rate(drops(before), drops(now), seconds));
    }

    private static long drops(final PortStatistics reading) {
        return reading.drops().values().stream().mapToLong(Long::longValue).sum();
    }

    /** Returns a rate; 0 if the counter went back, because it continues that of another process. */
    private static double rate(final long before, final long now, final double seconds) {
        return Math.max(0, now - before) / seconds;
    }

    RatesView of(final Port port) {
        return rates.getOrDefault(port, RatesView.NONE);
    }
}
