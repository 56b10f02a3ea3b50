package io.ringbridge.bench.throughput;

import io.ringbridge.bench.load.FrameMix;
import io.ringbridge.bench.load.Outcome;
import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.options.Setup;
import io.ringbridge.api.Table;
import java.io.PrintWriter;
import java.util.List;

/**
 * What was found.
 *
 * @param pattern what goes where
 * @param stations behind all ports together
 * @param trialSeconds how long each trial was
 * @param results a row for each frame size
 */
record ThroughputReport(Setup setup, String pattern, int stations, double trialSeconds, List<Result> results) {
    static final String PATTERN = "every port sends to the next, the last to the first; rates are of all ports together";

    /**
     * One frame size.
     *
     * @param frames its length in bytes, or the name of the mix
     * @param zeroLoss null if frames were lost at every rate that was tried
     * @param soak many frames at a lower rate; null if that was not asked for, or there is no rate without loss
     */
    record Result(String frames, Rate saturation, Rate zeroLoss, Rate soak) {
    }

    /**
     * One trial.
     *
     * @param offeredFramesPerSecond what went in
     * @param framesPerSecond what came out
     */
    record Rate(double offeredFramesPerSecond, double framesPerSecond, double gbitPerSecond, long sent, long lost, long misordered) {
        static Rate of(final FrameMix mix, final Outcome outcome) {
            final double rate = outcome.receivedPerSecond();
            return new Rate(outcome.sentPerSecond(), rate, rate * mix.averageBits() / 1e9, outcome.sent(), outcome.lost(),
                outcome.misordered());
        }
    }

    void print(final PrintWriter out) {
        final Table table = new Table("FRAME", "SATURATION-MPPS", "GBIT/S", "LOST-%", "ZERO-LOSS-MPPS", "GBIT/S", "FRAMES", "MISORDERED");
        for (final Result result : results) {
            final Rate most = result.saturation();
            final Rate clean = result.zeroLoss();
            table.row(result.frames(), Output.fixed(3, most.framesPerSecond() / 1e6), Output.fixed(2, most.gbitPerSecond()),
                Output.fixed(2, most.sent() == 0 ? 0 : 100.0 * most.lost() / most.sent()),
                clean == null ? "-" : Output.fixed(3, clean.framesPerSecond() / 1e6),
                clean == null ? "-" : Output.fixed(2, clean.gbitPerSecond()), clean == null ? "-" : clean.sent(),
                most.misordered() + (clean == null ? 0 : clean.misordered()));
        }
        table.print(out);
        out.println();
        out.println(setup.text());
        out.println(pattern + "; " + stations + " stations");
        for (final Result result : results) {
            if (result.soak() != null) {
                out.println(result.frames() + " soak: " + Output.fixed(3, result.soak().offeredFramesPerSecond() / 1e6) + " Mpps, "
                    + result.soak().lost() + " of " + result.soak().sent() + " lost, " + result.soak().misordered() + " misordered");
            }
        }
        out.flush();
    }
}
