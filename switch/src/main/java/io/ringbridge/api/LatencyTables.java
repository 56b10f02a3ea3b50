package io.ringbridge.api;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Locale;

/** Formats latencies and interruptions as tables for people. */
final class LatencyTables {
    private static final double NANOS_PER_MICRO = 1e3;
    private static final double NANOS_PER_MILLI = 1e6;
    private static final double NANOS_PER_SECOND = 1e9;

    private LatencyTables() {
    }

    static String latency(final LatencyView latency) {
        final Table table = new Table("PORT", "SAMPLES", "P50-US", "P90-US", "P99-US", "P99.9-US", "MAX-US",
            "RING-P99-US", "SINCE");
        for (final LatencyView.OfPort port : latency.ports()) {
            final LatencyView.Percentiles total = port.totalNanos();
            table.row(port.port(), port.samples(), micros(port, total.p50()), micros(port, total.p90()),
                micros(port, total.p99()), micros(port, total.p999()), micros(port, total.max()),
                micros(port, port.frameRingNanos().p99()), port.since());
        }
        return text(table) + (latency.sample() == 0 ? "sampling is off" + System.lineSeparator() : "");
    }

    private static String micros(final LatencyView.OfPort port, final long nanos) {
        return port.samples() == 0 ? "-" : String.format(Locale.ROOT, "%.1f", nanos / NANOS_PER_MICRO);
    }

    static String interruptions(final List<InterruptionView> interruptions) {
        final Table table = new Table("PORT", "CAUSE", "START", "LENGTH");
        for (final InterruptionView each : interruptions) {
            table.row(each.port(), each.cause(), each.start(),
                length(each.nanos()) + (each.ongoing() ? " so far" : ""));
        }
        return text(table);
    }

    private static String length(final long nanos) {
        return nanos < NANOS_PER_MILLI ? String.format(Locale.ROOT, "%.1f us", nanos / NANOS_PER_MICRO)
            : nanos < NANOS_PER_SECOND ? String.format(Locale.ROOT, "%.1f ms", nanos / NANOS_PER_MILLI)
            : String.format(Locale.ROOT, "%.1f s", nanos / NANOS_PER_SECOND);
    }

    private static String text(final Table table) {
        final StringWriter text = new StringWriter();
        try (PrintWriter out = new PrintWriter(text)) {
            table.print(out);
        }
        return text.toString();
    }
}
