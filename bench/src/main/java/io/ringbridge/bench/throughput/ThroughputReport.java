package io.ringbridge.bench.throughput;

import io.ringbridge.api.Table;
import io.ringbridge.bench.load.FrameMix;
import io.ringbridge.bench.load.Outcome;
import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.options.Setup;
import org.jspecify.annotations.Nullable;

import java.io.PrintWriter;
import java.util.List;

/**
 * The result of the measurement.
 *
 * @param pattern the direction of the traffic
 * @param stations the number of stations behind all ports together
 * @param trialSeconds the length of each trial
 * @param results one row per frame size
 */
record ThroughputReport(Setup setup, String pattern, int stations, double trialSeconds, List<Result> results) {
    static final String PATTERN = "every port sends to the next, the last to the first; rates are of all ports "
        + "together";

    /**
     * The results for one frame size.
     *
     * @param frames the length in bytes, or the name of the mix
     * @param zeroLoss the highest rate without loss; null if frames were lost at every rate tried
     * @param soak many frames at a lower rate; null without {@code --soak}, or if no rate is without loss
     */
    record Result(String frames, Rate saturation, @Nullable Rate zeroLoss, @Nullable Rate soak) {
    }

    /**
     * The result of one trial.
     *
     * @param offeredFramesPerSecond the frames sent per second
     * @param framesPerSecond the frames received per second
     */
    record Rate(double offeredFramesPerSecond, double framesPerSecond, double gbitPerSecond, long sent, long lost,
        long misordered) {
        static Rate of(final FrameMix mix, final Outcome outcome) {
            final double rate = outcome.receivedPerSecond();
            return new Rate(outcome.sentPerSecond(), rate, rate * mix.averageBits() / 1e9, outcome.sent(),
                outcome.lost(), outcome.misordered());
        }
    }

    void print(final PrintWriter out) {
        final Table table = new Table("FRAME", "SATURATION-MPPS", "GBIT/S", "LOST-%", "ZERO-LOSS-MPPS", "GBIT/S",
            "FRAMES", "MISORDERED");
        for (final Result result : results) {
            final Rate most = result.saturation();
            final Rate clean = result.zeroLoss();
            table.row(result.frames(), Output.fixed(3, most.framesPerSecond() / 1e6),
                Output.fixed(2, most.gbitPerSecond()),
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
                out.println(result.frames() + " soak: " + Output.fixed(3, result.soak().offeredFramesPerSecond() / 1e6)
                    + " Mpps, "
                    + result.soak().lost() + " of " + result.soak().sent() + " lost, " + result.soak().misordered()
                    + " misordered");
            }
        }
        out.flush();
    }
}
