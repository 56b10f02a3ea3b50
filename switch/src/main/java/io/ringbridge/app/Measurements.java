package io.ringbridge.app;

import io.ringbridge.api.InterruptionView;
import io.ringbridge.api.LatencyView;
import io.ringbridge.datapath.port.Interruption;
import io.ringbridge.datapath.port.LatencyReading;
import io.ringbridge.datapath.port.Port;
import org.HdrHistogram.Histogram;

import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;

/** Creates the views of what ports have measured: latencies and interruptions. */
final class Measurements {
    private static final double P50 = 50;
    private static final double P90 = 90;
    private static final double P99 = 99;
    private static final double P999 = 99.9;

    private static final DateTimeFormatter MILLISECONDS =
        new DateTimeFormatterBuilder().appendInstant(3).toFormatter();

    private Measurements() {
    }

    static LatencyView latency(final int sample, final List<Port> ports) {
        return new LatencyView(sample, ports.stream().map(Measurements::latency).toList());
    }

    private static LatencyView.OfPort latency(final Port port) {
        final LatencyReading reading = port.latency();
        return new LatencyView.OfPort(port.name(), reading.total().getTotalCount(),
            Instant.ofEpochMilli(reading.sinceMillis()).truncatedTo(ChronoUnit.SECONDS).toString(),
            percentiles(reading.total()), percentiles(reading.inFrameRing()));
    }

    private static LatencyView.Percentiles percentiles(final Histogram nanos) {
        return new LatencyView.Percentiles(nanos.getValueAtPercentile(P50), nanos.getValueAtPercentile(P90),
            nanos.getValueAtPercentile(P99), nanos.getValueAtPercentile(P999), nanos.getMaxValue());
    }

    /** An interruption of a port. */
    private record OfPort(String port, Interruption what) {
    }

    /** Returns the interruptions of several ports in the order of their start. */
    static List<InterruptionView> interruptions(final List<Port> ports) {
        final long now = System.nanoTime();
        final Instant wall = Instant.now();
        return ports.stream()
            .flatMap(port -> port.interruptions().stream().map(each -> new OfPort(port.name(), each)))
            .sorted(Comparator.comparingLong(each -> each.what().start() - now))
            .map(each -> view(each, wall.minusNanos(now - each.what().start()))).toList();
    }

    private static InterruptionView view(final OfPort each, final Instant start) {
        return new InterruptionView(each.port(), each.what().cause().label(), MILLISECONDS.format(start),
            each.what().nanos(), each.what().ongoing());
    }
}
