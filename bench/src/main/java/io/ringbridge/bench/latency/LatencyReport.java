package io.ringbridge.bench.latency;

import io.ringbridge.api.Table;
import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.options.Setup;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

import java.io.PrintWriter;
import java.util.List;

/**
 * The result of the measurement.
 *
 * @param measured the definition of a latency
 * @param frames the length of the frames in bytes, or the name of the mix
 * @param maximumFramesPerSecond the rate at saturation, of which the loads are shares; null if rates were given
 * @param trialSeconds the length of each trial
 * @param results one row per load
 */
record LatencyReport(Setup setup, String measured, String frames, @Nullable Double maximumFramesPerSecond,
    double trialSeconds, List<Result> results) {
    static final String MEASURED = "one way, from when a frame was due until it was received; every port sends to the "
        + "next, the last to the first";

    /**
     * The results at one load.
     *
     * @param receive {@code busy} or {@code interrupt}
     * @param load the share of the maximum, or the rate
     */
    record Result(String receive, String load, double offeredFramesPerSecond, double sentFramesPerSecond, long sent,
        long lost, Latency latencyMicros) {
        static Result of(final Series series) {
            return new Result(series.guest(), series.load(), series.outcome().load().framesPerSecond(),
                series.outcome().sentPerSecond(), series.outcome().sent(), series.outcome().lost(),
                Latency.of(series.histogram()));
        }
    }

    /** Percentiles in microseconds. */
    record Latency(double mean, double p50, double p90, double p99, double p999, double p9999, double max,
        long samples) {
        private static final double MICRO = 1e3;

        static Latency of(final Histogram histogram) {
            return new Latency(histogram.getMean() / MICRO, at(histogram, 50), at(histogram, 90), at(histogram, 99),
                at(histogram, 99.9), at(histogram, 99.99), histogram.getMaxValue() / MICRO, histogram.getTotalCount());
        }

        private static double at(final Histogram histogram, final double percentile) {
            return histogram.getValueAtPercentile(percentile) / MICRO;
        }
    }

    void print(final PrintWriter out) {
        final Table table = new Table("RECEIVE", "LOAD", "OFFERED-KPPS", "SENT-KPPS", "LOST", "P50-US", "P90-US",
            "P99-US", "P99.9-US", "P99.99-US", "MAX-US");
        for (final Result result : results) {
            final Latency latency = result.latencyMicros();
            table.row(result.receive(), result.load(), Output.fixed(1, result.offeredFramesPerSecond() / 1e3),
                Output.fixed(1, result.sentFramesPerSecond() / 1e3), result.lost(), Output.fixed(1, latency.p50()),
                Output.fixed(1, latency.p90()), Output.fixed(1, latency.p99()), Output.fixed(1, latency.p999()),
                Output.fixed(1, latency.p9999()), Output.fixed(1, latency.max()));
        }
        table.print(out);
        out.println();
        out.println(setup.text());
        out.println("frames: " + frames + "; " + measured);
        out.flush();
    }
}
