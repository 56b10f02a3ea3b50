package io.ringbridge.bench.latency;

import io.ringbridge.api.Json;
import io.ringbridge.bench.backend.Target;
import io.ringbridge.bench.load.FrameMix;
import io.ringbridge.bench.load.Load;
import io.ringbridge.bench.load.Notified;
import io.ringbridge.bench.load.Outcome;
import io.ringbridge.bench.load.Rig;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.options.Check;
import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.options.TargetOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

/** Measures the latency of frames. */
@Command(name = "latency", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Measures the latency of frames without load and at shares of the maximum rate, to guests that poll "
        + "and to guests that sleep.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  ringbridge bench latency --plot latency.svg",
        "  ringbridge bench latency --target a.sock --target b.sock \\",
        "    --rates 100000,1000000 --poll busy --json"})
public final class LatencyCommand implements Callable<Integer> {
    private static final String NOT_REPLACED = " is not a regular file; it is not replaced";
    private static final double SHORTEST_TRIAL = 0.05;
    private static final long MAX_RATE = 1_000_000_000;
    private static final int[] SHARES = {10, 50, 90};
    private static final double HGRM_UNIT = 1e3;
    private static final int HGRM_STEPS = 5;

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

    @Option(names = "--hgrm", paramLabel = "FILE", description = "Write the distributions for HdrHistogram's plotter, "
        + "in microseconds, to FILE. If there are several, each has its own file, with the name of the load before "
        + "the extension.")
    private @Nullable Path hgrm;

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
        checkFiles(check);
        final FrameMix mix = mix(check);
        options.check(2);
        final Output output = new Output(spec);
        final List<Series> all = new ArrayList<>();
        final LatencyReport report;
        try (Target target = options.open(); Rig rig = Rig.attach(target, options.rings(), mix.longest(), 1,
            options.cpus())) {
            if (!warming.isZero()) {
                output.progress("warming up for %.1f s", warmUp);
                rig.run(Load.saturation(mix, warming), Notified.BUSY, true);
            }
            Double maximum = null;
            if (rates.isEmpty()) {
                maximum = rig.run(Load.saturation(mix, period), Notified.BUSY, true).receivedPerSecond();
                output.progress("maximum: %.3f Mframes/s", maximum / 1e6);
            }
            for (final Notified mode : modes) {
                for (final Map.Entry<String, Double> load : loads(maximum).entrySet()) {
                    final Outcome outcome = rig.run(new Load(mix, load.getValue(), period), mode, true);
                    final Series series = new Series(mode, load.getKey(), outcome);
                    all.add(series);
                    output.progress("%s: %.1f kframes/s, %d of %d lost, median %.1f us", series.title(),
                        outcome.sentPerSecond() / 1e3,
                        outcome.lost(), outcome.sent(), series.histogram().getValueAtPercentile(50) / 1e3);
                }
            }
            report = new LatencyReport(options.setup(target, rig.hasHugePages()), LatencyReport.MEASURED, mix.title(),
                maximum, seconds, all.stream().map(LatencyReport.Result::of).toList());
        }
        if (json) {
            output.out().println(Json.write(report));
        } else {
            report.print(output.out());
        }
        output.out().flush();
        write(all, mix);
        return CommandLine.ExitCode.OK;
    }

    private void checkFiles(final Check check) {
        if (plot != null && PercentilePlot.Format.of(plot) == null) {
            throw check.refuse("--plot " + plot + " does not end in .svg or .png");
        }
        checkFile(check, "--plot", plot);
        checkFile(check, "--hgrm", hgrm);
    }

    /** Checks an output file before the measurement, so that no result is lost because the file cannot be written. */
    private static void checkFile(final Check check, final String option, final @Nullable Path file) {
        if (file != null) {
            final Path directory = file.toAbsolutePath().getParent();
            if (directory == null || !Files.isDirectory(directory) || !Files.isWritable(directory)) {
                throw check.refuse(option + " " + file + ": " + directory + " is not a writable directory");
            }
            if (isTaken(file)) {
                throw check.refuse(option + " " + file + NOT_REPLACED);
            }
        }
    }

    /** Whether the path is something other than a regular file, such as a device or a pipe. */
    private static boolean isTaken(final Path file) {
        return Files.exists(file) && !Files.isRegularFile(file);
    }

    private FrameMix mix(final Check check) {
        try {
            return FrameMix.parse(size);
        } catch (final IllegalArgumentException e) {
            throw check.refuse("--size: " + e.getMessage());
        }
    }

    /** Returns the rate of each load by its name. */
    private Map<String, Double> loads(final @Nullable Double maximum) {
        final Map<String, Double> loads = new LinkedHashMap<>();
        if (maximum == null) {
            rates.forEach(rate -> loads.put(rate + "/s", (double) rate));
            return loads;
        }
        loads.put("no load", (double) idleRate);
        for (final int share : SHARES) {
            loads.put(share + "%", Math.max(1, maximum * share / 100));
        }
        return loads;
    }

    private void write(final List<Series> all, final FrameMix mix) {
        if (plot != null) {
            new PercentilePlot("One-way latency, frames: " + mix.title(), all).write(plot);
        }
        if (hgrm != null) {
            for (final Series series : all) {
                writeHgrm(series, all.size() == 1 ? hgrm : withSlug(hgrm, series.slug()));
            }
        }
    }

    /** Inserts a series' name before the extension: {@code a.hgrm} becomes {@code a-busy-50.hgrm}. */
    static Path withSlug(final Path file, final String slug) {
        final String name = file.getFileName().toString();
        final int dot = name.lastIndexOf('.');
        final int end = dot > 0 ? dot : name.length();
        return file.resolveSibling(name.substring(0, end) + "-" + slug + name.substring(end));
    }

    private static void writeHgrm(final Series series, final Path file) {
        if (isTaken(file)) {
            throw new BenchException("--hgrm " + file + NOT_REPLACED);
        }
        try (PrintStream out = new PrintStream(Files.newOutputStream(file), false, StandardCharsets.US_ASCII)) {
            series.histogram().outputPercentileDistribution(out, HGRM_STEPS, HGRM_UNIT);
        } catch (final IOException e) {
            throw new BenchException("--hgrm " + file + ": " + e.getMessage(), e);
        }
    }
}
