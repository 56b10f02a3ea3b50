package io.ringbridge.bench.learning;

import io.ringbridge.api.Table;
import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.options.Setup;
import io.ringbridge.bench.trial.Conditions;
import io.ringbridge.bench.trial.Csv;
import io.ringbridge.bench.trial.Environment;
import org.jspecify.annotations.Nullable;

import java.io.PrintWriter;
import java.util.List;
import java.util.stream.Stream;

/**
 * The result of the measurement.
 *
 * @param capacity null if no number of addresses was remembered
 * @param rate null if addresses were forgotten at every rate
 * @param trials all trials, in order
 */
record LearningReport(Environment environment, Setup setup, @Nullable Capacity capacity, @Nullable Rate rate,
    List<Step> trials) {
    /**
     * One trial.
     *
     * @param isLearned whether all addresses were remembered
     */
    record Step(String time, int addresses, double addressesPerSecond, boolean isLearned, Conditions conditions,
        List<String> disturbances) {
        /** Whether addresses were forgotten while something disturbed the trial, so that the result is in doubt. */
        private boolean isDoubtful() {
            return !isLearned && !disturbances.isEmpty();
        }
    }

    /** Whether an undisturbed trial with the same addresses has not confirmed a disturbed one that failed. */
    boolean isDisturbed() {
        return trials.stream().filter(Step::isDoubtful).anyMatch(doubtful -> trials.stream()
            .noneMatch(other -> other.addresses() == doubtful.addresses() && !other.isDoubtful()));
    }

    /** Returns all trials as CSV, one row each. */
    Csv csv() {
        final Csv csv = new Csv(Stream.concat(Stream.of("time", "system", "addresses", "addresses_per_second",
            "learned"), Csv.conditionColumns().stream()).toList());
        for (final Step trial : trials) {
            final List<@Nullable Object> row = Csv.cells(trial.time(), setup.target(),
                trial.addresses(), trial.addressesPerSecond(), trial.isLearned());
            row.addAll(Csv.conditions(trial.conditions(), trial.disturbances()));
            csv.row(row);
        }
        return csv;
    }

    /**
     * The number of addresses that the bridge remembers.
     *
     * @param isLowerBound whether the largest number tried was remembered, so that the capacity may be larger
     */
    record Capacity(long addresses, boolean isLowerBound) {
    }

    /**
     * The rate at which the bridge learns addresses.
     *
     * @param addresses the number of addresses per trial
     * @param isLowerBound whether the rate is the fastest at which frames could be sent, so that the bridge may be
     * faster
     */
    record Rate(double addressesPerSecond, int addresses, boolean isLowerBound) {
    }

    void print(final PrintWriter out) {
        final Table table = new Table("MEASURED", "RESULT", "UNIT", "NOTE");
        table.row("address capacity", capacity == null ? "-" : capacity.addresses(), "addresses",
            capacity == null ? "no number of addresses was remembered" : capacity.isLowerBound()
            ? "at least that many; more were not tried" : "");
        table.row("learning rate", rate == null ? "-" : Output.fixed(0, rate.addressesPerSecond()), "addresses/s",
            rate == null ? "addresses were forgotten at every rate" : "with " + rate.addresses() + " addresses"
                + (rate.isLowerBound() ? "; at least that fast, limited by the sender" : ""));
        table.print(out);
        out.println();
        if (isDisturbed()) {
            out.println("Trials in which addresses were forgotten were disturbed: the results may be too low.");
        }
        out.println(setup.text());
        out.println(environment.machine());
        out.println(environment.versions());
        out.flush();
    }
}
