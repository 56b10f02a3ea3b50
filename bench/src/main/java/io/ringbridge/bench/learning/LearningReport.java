package io.ringbridge.bench.learning;

import io.ringbridge.api.Table;
import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.options.Setup;
import org.jspecify.annotations.Nullable;

import java.io.PrintWriter;

/**
 * The result of the measurement.
 *
 * @param capacity null if no number of addresses was remembered
 * @param rate null if addresses were forgotten at every rate
 */
record LearningReport(Setup setup, @Nullable Capacity capacity, @Nullable Rate rate) {
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
        out.println(setup.text());
        out.flush();
    }
}
