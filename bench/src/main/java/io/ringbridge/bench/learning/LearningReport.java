package io.ringbridge.bench.learning;

import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.options.Setup;
import io.ringbridge.api.Table;
import java.io.PrintWriter;

/**
 * What was found.
 *
 * @param capacity null if no number of addresses was remembered
 * @param rate null if addresses were forgotten at every rate
 */
record LearningReport(Setup setup, Capacity capacity, Rate rate) {
    /**
     * How many addresses are remembered.
     *
     * @param isLowerBound as many as were tried: there may be more
     */
    record Capacity(long addresses, boolean isLowerBound) {
    }

    /**
     * How fast they are learned.
     *
     * @param addresses how many were taught in a trial
     * @param isLowerBound as fast as frames could be sent: it may be faster
     */
    record Rate(double addressesPerSecond, int addresses, boolean isLowerBound) {
    }

    void print(final PrintWriter out) {
        final Table table = new Table("MEASURED", "RESULT", "UNIT", "NOTE");
        table.row("address capacity", capacity == null ? "-" : capacity.addresses(), "addresses",
            capacity == null ? "none was remembered" : capacity.isLowerBound() ? "at least: no more were tried" : "");
        table.row("learning rate", rate == null ? "-" : Output.fixed(0, rate.addressesPerSecond()), "addresses/s",
            rate == null ? "some were forgotten at every rate" : "with " + rate.addresses() + " addresses"
                + (rate.isLowerBound() ? "; at least: as fast as frames could be sent" : ""));
        table.print(out);
        out.println();
        out.println(setup.text());
        out.flush();
    }
}
