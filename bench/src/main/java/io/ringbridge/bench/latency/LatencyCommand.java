package io.ringbridge.bench.latency;

import io.ringbridge.api.Json;
import io.ringbridge.bench.backend.Backend;
import io.ringbridge.bench.load.FrameMix;
import io.ringbridge.bench.load.Notified;
import io.ringbridge.bench.load.Recording;
import io.ringbridge.bench.options.Check;
import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.options.TargetOptions;
import io.ringbridge.bench.trial.Environment;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;

/** Measures the latency of frames. */
@Command(name = "latency", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Measures the latency of frames without load and at shares of the maximum rate, to guests that poll "
        + "and to guests that sleep. Results are medians of undisturbed trials. The loads of each way of receiving are "
        + "shares of its own maximum.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  ringbridge bench latency --plot latency.svg",
        "  ringbridge bench latency --backend ringbridge,testpmd,ovs --plot a.svg",
        "  ringbridge bench latency --target a.sock --target b.sock \\",
        "    --rates 100000,1000000 --poll busy --json",
        "",
        "Exit status: 0 done, 1 failed, 2 wrong usage,",
        "3 done, but with too few undisturbed trials."})
public final class LatencyCommand implements Callable<Integer> {
    private static final double SHORTEST_TRIAL = 0.05;
    private static final long MAX_RATE = 1_000_000_000;
    private static final int MAX_TRIALS = 1000;
    private static final int MAX_SERIES_SECONDS = 600;

    @Spec
    private CommandSpec spec;

    @Mixin
    private TargetOptions options;

    @Option(names = "--size", paramLabel = "N", defaultValue = "64",
        description = "Frame size in bytes, without the frame check sequence, 64 to 9000, or imix; default: "
            + "${DEFAULT-VALUE}.")
    private String size;

    @Option(names = "--poll", paramLabel = "LIST", split = ",", defaultValue = "BUSY,INTERRUPT",
        description = "How receiving guests detect frames: busy polls continuously, interrupt sleeps until notified; "
            + "default: both.")
    private List<Notified> modes;

    @Option(names = "--rates", paramLabel = "LIST", split = ",",
        description = "Frames per second of all ports together, instead of no load, 10, 50 and 90 %% of the maximum.")
    private List<Long> rates = List.of();

    @Option(names = "--idle-rate", paramLabel = "N", defaultValue = "10000",
        description = "Frames per second that count as no load; default: ${DEFAULT-VALUE}.")
    private long idleRate;

    @Option(names = "--seconds", paramLabel = "N", defaultValue = "5",
        description = "Length of each trial in seconds, 0.05 to 3600; default: ${DEFAULT-VALUE}.")
    private double seconds;

    @Option(names = "--warm-up", paramLabel = "N", defaultValue = "2",
        description = "Seconds of load before the first trial; default: ${DEFAULT-VALUE}.")
    private double warmUp;

    @Option(names = "--trials", paramLabel = "N", defaultValue = "3",
        description = "Undisturbed trials of each load in one state of the machine, 1 to 1000; default: "
            + "${DEFAULT-VALUE}. Up to three times as many are made.")
    private int trials;

    @Option(names = "--hgrm", paramLabel = "FILE", description = "Write the distributions for HdrHistogram's plotter, "
        + "in microseconds, to FILE. If there are several, each has its own file, with the name of the load before "
        + "the extension.")
    private @Nullable Path hgrm;

    @Option(names = "--series", paramLabel = "FILE", description = "Write the distribution of each second of each "
        + "trial to FILE, in HdrHistogram's log format.")
    private @Nullable Path series;

    @Option(names = "--csv", paramLabel = "FILE", description = "Write one row per trial to FILE.")
    private @Nullable Path csv;

    @Option(names = "--plot", paramLabel = "FILE", description = "Draw latency over percentile; FILE ends in .svg or "
        + ".png.")
    private @Nullable Path plot;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException {
        final Check check = new Check(spec);
        final Duration period = check.seconds("--seconds", seconds, SHORTEST_TRIAL);
        final Duration warming = check.seconds("--warm-up", warmUp, 0);
        check.number("--idle-rate", idleRate, 1, MAX_RATE);
        rates.forEach(rate -> check.number("--rates", rate, 1, MAX_RATE));
        check.number("--trials", trials, 1, MAX_TRIALS);
        if (series != null && seconds > MAX_SERIES_SECONDS) {
            throw check.refuse("--series: a trial has at most " + MAX_SERIES_SECONDS + " seconds; --seconds is "
                + seconds);
        }
        check.plot("--plot", plot);
        check.file("--hgrm", hgrm);
        check.file("--series", series);
        check.file("--csv", csv);
        final FrameMix mix = mix(check);
        options.check(2, Backend.values().length, mix.longest());
        options.requirePrograms();
        final Environment environment = Environment.of(spec);
        final Output output = new Output(spec);
        final Measurement measurement = new Measurement(options, new Plan(mix, period, warming, modes, rates, idleRate,
            trials, series == null ? Recording.WHOLE : Recording.SECONDS), output);
        measurement.run();
        final LatencyReport report = LatencyReport.of(measurement, environment);
        if (json) {
            output.out().println(Json.write(report));
        } else {
            report.print(output.out());
        }
        output.out().flush();
        write(measurement, report);
        return measurement.isComplete() ? CommandLine.ExitCode.OK : Output.TOO_FEW_TRIALS;
    }

    private void write(final Measurement measurement, final LatencyReport report) {
        final LatencyFiles files = new LatencyFiles(measurement);
        if (csv != null) {
            files.writeCsv(csv);
        }
        if (hgrm != null) {
            files.writeHgrm(hgrm);
        }
        if (series != null) {
            files.writeSeries(series);
        }
        if (plot != null) {
            LatencyFiles.writePlot(report, plot);
        }
    }

    private FrameMix mix(final Check check) {
        try {
            return FrameMix.parse(size);
        } catch (final IllegalArgumentException e) {
            throw check.refuse("--size: " + e.getMessage());
        }
    }
}
