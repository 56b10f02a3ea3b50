package io.ringbridge.bench.throughput;

import io.ringbridge.api.Table;
import io.ringbridge.bench.load.FrameMix;
import io.ringbridge.bench.load.Observer;
import io.ringbridge.bench.load.Outcome;
import io.ringbridge.bench.load.Trial;
import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.options.Setup;
import io.ringbridge.bench.trial.Conditions;
import io.ringbridge.bench.trial.Csv;
import io.ringbridge.bench.trial.Environment;
import io.ringbridge.bench.trial.Spread;
import org.jspecify.annotations.Nullable;

import java.io.PrintWriter;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/**
 * The result of the measurement.
 *
 * @param pattern the direction of the traffic
 * @param stations the number of stations behind all ports together
 * @param trialSeconds the length of each trial
 * @param results one row per frame size
 */
record ThroughputReport(Environment environment, Setup setup, String pattern, int stations, double trialSeconds,
    List<Result> results) {
    static final String PATTERN = "every port sends to the next, the last to the first; rates are of all ports "
        + "together";

    /**
     * The results for one frame size.
     *
     * @param frames the length in bytes, or the name of the mix
     * @param saturation the counting trials: the good ones in one state of the machine, or all if there are none
     * @param zeroLoss the highest rate without loss; null if frames were lost at every rate tried
     * @param soak many frames at a lower rate; null without {@code --soak}, or if no rate is without loss
     * @param goodTrials the number of good trials at saturation
     * @param warmUp null without a warm-up
     * @param trials all trials, in order
     */
    record Result(String frames, Rate saturation, @Nullable Rate zeroLoss, @Nullable Rate soak, int goodTrials,
        Observer.@Nullable WarmUp warmUp, List<Step> trials) {
    }

    /**
     * One trial.
     *
     * @param purpose {@code saturation}, {@code search} or {@code soak}
     */
    record Step(String time, String purpose, @Nullable Double offeredFramesPerSecond, double sentFramesPerSecond,
        double framesPerSecond, long sent, long lost, long misordered, Conditions conditions,
        List<String> disturbances) {
        static Step of(final String purpose, final Trial trial) {
            final Outcome outcome = trial.outcome();
            final double offered = outcome.load().framesPerSecond();
            return new Step(trial.time(), purpose, Double.isFinite(offered) ? offered : null, outcome.sentPerSecond(),
                outcome.receivedPerSecond(), outcome.sent(), outcome.lost(), outcome.misordered(), trial.conditions(),
                trial.disturbances());
        }
    }

    /**
     * The result of some trials with the same load.
     *
     * @param offeredFramesPerSecond the median of the frames sent per second
     * @param framesPerSecond the median of the frames received per second
     * @param spread the distribution over the trials of the frames received per second
     */
    record Rate(double offeredFramesPerSecond, double framesPerSecond, Spread spread, double gbitPerSecond, long sent,
        long lost, long misordered) {
        static Rate of(final FrameMix mix, final List<Trial> trials) {
            final Spread received = Observer.received(trials);
            return new Rate(Objects.requireNonNull(Spread.of(trials, trial -> trial.outcome().sentPerSecond()))
                .median(), received.median(), received, received.median() * mix.averageBits() / 1e9,
                trials.stream().mapToLong(trial -> trial.outcome().sent()).sum(),
                trials.stream().mapToLong(trial -> trial.outcome().lost()).sum(),
                trials.stream().mapToLong(trial -> trial.outcome().misordered()).sum());
        }
    }

    /** Returns all trials as CSV, one row each. */
    Csv csv() {
        final Csv csv = new Csv(Stream.concat(Stream.of("time", "system", "frames", "purpose", "offered_per_second",
            "sent_per_second", "received_per_second", "sent", "lost", "misordered"),
            Csv.conditionColumns().stream()).toList());
        for (final Result result : results) {
            for (final Step trial : result.trials()) {
                final List<@Nullable Object> row = Csv.cells(trial.time(), setup.target(),
                    result.frames(), trial.purpose(), trial.offeredFramesPerSecond(), trial.sentFramesPerSecond(),
                    trial.framesPerSecond(), trial.sent(), trial.lost(), trial.misordered());
                row.addAll(Csv.conditions(trial.conditions(), trial.disturbances()));
                csv.row(row);
            }
        }
        return csv;
    }

    void print(final PrintWriter out) {
        final Table table = new Table("FRAME", "SATURATION-MPPS", "TRIALS", "GBIT/S", "LOST-%", "ZERO-LOSS-MPPS",
            "GBIT/S", "FRAMES", "MISORDERED");
        for (final Result result : results) {
            final Rate most = result.saturation();
            final Rate clean = result.zeroLoss();
            table.row(result.frames(), most.spread().dividedBy(1e6).text(3),
                most.spread().count() + (result.goodTrials() == 0 ? "*" : ""),
                Output.fixed(2, most.gbitPerSecond()),
                Output.fixed(2, most.sent() == 0 ? 0 : 100.0 * most.lost() / most.sent()),
                clean == null ? "-" : Output.fixed(3, clean.framesPerSecond() / 1e6),
                clean == null ? "-" : Output.fixed(2, clean.gbitPerSecond()), clean == null ? "-" : clean.sent(),
                most.misordered() + (clean == null ? 0 : clean.misordered()));
        }
        table.print(out);
        out.println();
        out.println("Medians (first to third quartile) of the undisturbed trials in one state of the machine.");
        if (results.stream().anyMatch(result -> result.goodTrials() == 0)) {
            out.println("* All trials were disturbed.");
        }
        out.println(setup.text());
        out.println(environment.machine());
        out.println(environment.versions());
        out.println(pattern + "; " + stations + " stations");
        for (final Result result : results) {
            if (result.soak() != null) {
                out.println(result.frames() + " soak: " + Output.fixed(3, result.soak().offeredFramesPerSecond() / 1e6)
                    + " Mpps, "
                    + result.soak().lost() + " of " + result.soak().sent() + " lost, " + result.soak().misordered()
                    + " misordered");
            }
        }
        out.flush();
    }
}
