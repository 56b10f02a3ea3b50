package io.ringbridge.bench.latency;

import io.ringbridge.api.Table;
import io.ringbridge.bench.load.Observer;
import io.ringbridge.bench.load.Outcome;
import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.options.Setup;
import io.ringbridge.bench.plot.Point;
import io.ringbridge.bench.trial.Conditions;
import io.ringbridge.bench.trial.Environment;
import io.ringbridge.bench.trial.Spread;
import io.ringbridge.bench.trial.State;
import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.ToDoubleFunction;

/**
 * The result of the measurement.
 *
 * @param measured the definition of a latency
 * @param frames the length of the frames in bytes, or the name of the mix
 * @param trialSeconds the length of each trial
 * @param goodTrials the number of good trials that each load needs
 * @param state the state of the machine in which the counting trials were made; null if the processors always moved
 */
record LatencyReport(Environment environment, String measured, String frames, double trialSeconds, int goodTrials,
    @Nullable String state, List<SystemResult> systems) {
    static final String MEASURED = "one way, from when a frame was due until it was received; every port sends to the "
        + "next, the last to the first";

    /**
     * The results of one back-end.
     *
     * @param warmUp null without a warm-up
     * @param maxima of which the loads are shares; empty if rates were given
     */
    record SystemResult(Setup setup, Observer.@Nullable WarmUp warmUp, List<MaximumResult> maxima,
        List<Result> results) {
    }

    /** The rate at saturation for a way of receiving, in one state of the machine. */
    record MaximumResult(String receive, double framesPerSecond, Conditions conditions, List<String> disturbances) {
    }

    /**
     * The results at one load. Rates and latencies are summaries of the trials that count.
     *
     * @param receive {@code busy} or {@code interrupt}
     * @param load the share of the maximum, or the rate
     * @param offeredFramesPerSecond the median of the counting trials
     * @param counting the number of trials that count
     * @param disturbed whether they were disturbed
     * @param overloaded whether the load exceeds what the back-end can carry, in half of the counting trials or more
     * @param lost frames lost in the counting trials
     * @param latencyMicros of the counting trials without overload; null if overloaded
     * @param distribution of the same trials together; empty if overloaded
     */
    record Result(String receive, String load, double offeredFramesPerSecond, Spread sentFramesPerSecond, long sent,
        long lost, int counting, boolean disturbed, boolean overloaded, @Nullable Latency latencyMicros,
        List<Point> distribution, List<TrialResult> trials) {
    }

    /** One trial, good or disturbed. */
    record TrialResult(String time, double offeredFramesPerSecond, long sent, long lost, boolean overloaded,
        @Nullable Percentiles latencyMicros, Conditions conditions, List<String> disturbances) {
    }

    /** Percentiles of one trial in microseconds. */
    record Percentiles(double mean, double p50, double p90, double p99, double p999, double p9999, double max,
        long samples) {
        private static final double MICRO = 1e3;

        static Percentiles of(final Histogram histogram) {
            return new Percentiles(histogram.getMean() / MICRO, at(histogram, 50), at(histogram, 90),
                at(histogram, 99), at(histogram, 99.9), at(histogram, 99.99), histogram.getMaxValue() / MICRO,
                histogram.getTotalCount());
        }

        private static double at(final Histogram histogram, final double percentile) {
            return histogram.getValueAtPercentile(percentile) / MICRO;
        }
    }

    /** The distribution over trials of each percentile, in microseconds. */
    record Latency(Spread p50, Spread p90, Spread p99, Spread p999, Spread p9999, Spread max) {
        static Latency of(final List<Percentiles> trials) {
            return new Latency(spread(trials, Percentiles::p50), spread(trials, Percentiles::p90),
                spread(trials, Percentiles::p99), spread(trials, Percentiles::p999),
                spread(trials, Percentiles::p9999), spread(trials, Percentiles::max));
        }

        private static Spread spread(final List<Percentiles> trials, final ToDoubleFunction<Percentiles> value) {
            return Objects.requireNonNull(Spread.of(trials, value));
        }
    }

    static LatencyReport of(final Measurement measurement, final Environment environment) {
        final Plan plan = measurement.plan();
        final List<SystemResult> systems = new ArrayList<>();
        measurement.setups().forEach((system, setup) -> systems.add(new SystemResult(setup,
            measurement.warmUps().get(system),
            measurement.maxima().of(system).stream().map(LatencyReport::maximum).toList(),
            measurement.series().loads().stream().filter(each -> each.system().equals(system))
                .map(each -> result(measurement, each)).toList())));
        final State<LoadTrial> state = measurement.series().mainState();
        return new LatencyReport(environment, MEASURED, plan.mix().title(), plan.period().toNanos() / 1e9,
            plan.trials(), state == null ? null : state.text(), systems);
    }

    private static MaximumResult maximum(final Maximum of) {
        return new MaximumResult(of.notified().key(), of.framesPerSecond(), of.conditions(), of.disturbances());
    }

    private static Result result(final Measurement measurement, final Case of) {
        final List<LoadTrial> counting = measurement.series().counting(of);
        final boolean overloaded = measurement.isOverloaded(of);
        final List<Outcome> outcomes = counting.stream().map(LoadTrial::outcome).toList();
        final List<Outcome> carried = measurement.carried(of);
        return new Result(of.receive(), of.name(),
            Objects.requireNonNull(Spread.of(outcomes, each -> each.load().framesPerSecond())).median(),
            Objects.requireNonNull(Spread.of(outcomes, Outcome::sentPerSecond)),
            outcomes.stream().mapToLong(Outcome::sent).sum(), outcomes.stream().mapToLong(Outcome::lost).sum(),
            counting.size(), measurement.series().good(of).isEmpty(), overloaded,
            overloaded ? null : Latency.of(carried.stream().map(Outcome::latency).filter(Objects::nonNull)
                .map(Percentiles::of).toList()),
            overloaded ? List.of() : Curve.points(together(carried)),
            measurement.series().all(of).stream().map(LatencyReport::trial).toList());
    }

    /** Returns the latencies of several trials in one distribution. */
    static Histogram together(final List<Outcome> outcomes) {
        final Histogram all = new Histogram(Objects.requireNonNull(outcomes.getFirst().latency())); // its precision
        outcomes.stream().map(Outcome::latency).filter(Objects::nonNull).forEach(all::add);
        return all;
    }

    private static TrialResult trial(final LoadTrial trial) {
        final Outcome outcome = trial.outcome();
        final Histogram latency = outcome.latency();
        return new TrialResult(trial.trial().time(), outcome.load().framesPerSecond(), outcome.sent(),
            outcome.lost(), outcome.isOverloaded(),
            outcome.isOverloaded() || latency == null ? null : Percentiles.of(latency), trial.conditions(),
            trial.disturbances());
    }

    void print(final PrintWriter out) {
        final Table table = new Table("BACK-END", "RECEIVE", "LOAD", "SENT-KPPS", "LOST", "TRIALS", "P50-US", "P90-US",
            "P99-US", "P99.9-US", "P99.99-US", "MAX-US");
        for (final SystemResult system : systems) {
            for (final Result result : system.results()) {
                final List<Object> row = new ArrayList<>(List.of(system.setup().target(), result.receive(),
                    result.load(), Output.fixed(1, result.sentFramesPerSecond().median() / 1e3), result.lost(),
                    result.counting() + (result.disturbed() ? "*" : "")));
                row.addAll(latencies(result.latencyMicros()));
                table.row(row.toArray());
            }
        }
        table.print(out);
        out.println();
        out.println("Medians (first to third quartile) of the trials that count: undisturbed, in one state of the "
            + "machine.");
        if (systems.stream().flatMap(system -> system.results().stream()).anyMatch(Result::disturbed)) {
            out.println("* All trials of this load were disturbed, or in another state.");
        }
        out.println(state == null ? "The host moved the processors in all trials." : "State " + state);
        systems.forEach(system -> out.println(system.setup().text()));
        out.println("frames: " + frames + "; " + measured);
        out.println(environment.machine());
        out.println(environment.versions());
        out.flush();
    }

    private static List<String> latencies(final @Nullable Latency latency) {
        if (latency == null) {
            return List.of("overloaded", "", "", "", "", "");
        }
        return List.of(latency.p50().text(1), latency.p90().text(1), latency.p99().text(1), latency.p999().text(0),
            latency.p9999().text(0), latency.max().text(0));
    }
}
