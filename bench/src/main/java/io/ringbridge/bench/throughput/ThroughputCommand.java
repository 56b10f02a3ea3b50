package io.ringbridge.bench.throughput;

import io.ringbridge.api.Json;
import io.ringbridge.bench.backend.Target;
import io.ringbridge.bench.load.FrameMix;
import io.ringbridge.bench.load.Load;
import io.ringbridge.bench.load.Notified;
import io.ringbridge.bench.load.Observer;
import io.ringbridge.bench.load.Outcome;
import io.ringbridge.bench.load.Recording;
import io.ringbridge.bench.load.Rig;
import io.ringbridge.bench.load.Search;
import io.ringbridge.bench.load.Trial;
import io.ringbridge.bench.options.Check;
import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.options.TargetOptions;
import io.ringbridge.bench.trial.Environment;
import io.ringbridge.bench.trial.Series;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

/** Measures frames per second. */
@Command(name = "throughput", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Measures how many frames per second a back-end forwards, at saturation and without loss.%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  ringbridge bench throughput --sizes 64,1500,imix --rings packed",
        "  ringbridge bench throughput --sizes 64 --stations 65536 --soak 100000000",
        "  ringbridge bench throughput --backend ovs --sizes 64",
        "  ringbridge bench throughput --target a.sock --target b.sock --json",
        "",
        "Exit status: 0 done, 1 failed, 2 wrong usage,",
        "3 done, but with too few undisturbed trials."})
public final class ThroughputCommand implements Callable<Integer> {
    private static final double SHORTEST_TRIAL = 0.05;
    private static final double MAX_RESOLUTION = 50;
    private static final double MIN_RESOLUTION = 0.01;
    private static final double SOAK_LOAD = 0.8;
    private static final int MAX_TRIALS = 1000;
    private static final int ROUNDS_PER_TRIAL = 3;
    private static final String SATURATION = "saturation";

    @Spec
    private CommandSpec spec;

    @Mixin
    private TargetOptions options;

    @Option(names = "--sizes", paramLabel = "LIST", split = ",", defaultValue = "64,512,1500,imix",
        description = "Frame sizes in bytes, without the frame check sequence, 64 to 9000, or imix: 7 frames of 64 "
            + "bytes, 4 of 570, 1 of 1518; default: ${DEFAULT-VALUE}.")
    private List<String> sizes;

    @Option(names = "--seconds", paramLabel = "N", defaultValue = "2",
        description = "Length of each trial in seconds, 0.05 to 3600; default: ${DEFAULT-VALUE}. RFC 2544 requires 60.")
    private double seconds;

    @Option(names = "--warm-up", paramLabel = "N", defaultValue = "2",
        description = "Seconds of load before the first trial of a frame size; default: ${DEFAULT-VALUE}.")
    private double warmUp;

    @Option(names = "--resolution", paramLabel = "PERCENT", defaultValue = "1",
        description = "Accuracy of the rate without loss, in percent of the rate at saturation; default: "
            + "${DEFAULT-VALUE}.")
    private double resolution;

    @Option(names = "--stations", paramLabel = "N", defaultValue = "0",
        description = "Stations behind all ports together, equally many per port; a port's frames come from each of "
            + "its stations in turn. Default: one per port.")
    private int stations;

    @Option(names = "--soak", paramLabel = "FRAMES", defaultValue = "0",
        description = "Finally, send that many frames of each size at 80 %% of the rate without loss, and count the "
            + "lost frames.")
    private long soak;

    @Option(names = "--trials", paramLabel = "N", defaultValue = "3",
        description = "Undisturbed trials at saturation in one state of the machine, 1 to 1000; default: "
            + "${DEFAULT-VALUE}. Up to three times as many are made. A disturbed trial that loses frames is repeated.")
    private int trials;

    @Option(names = "--csv", paramLabel = "FILE", description = "Write one row per trial to FILE.")
    private @Nullable Path csv;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    private boolean json;

    @Override
    public Integer call() throws InterruptedException {
        final Check check = new Check(spec);
        final Duration period = check.seconds("--seconds", seconds, SHORTEST_TRIAL);
        final Duration warming = check.seconds("--warm-up", warmUp, 0);
        if (!(resolution >= MIN_RESOLUTION && resolution <= MAX_RESOLUTION)) {
            throw check.refuse("--resolution " + resolution + " is out of range; " + MIN_RESOLUTION + " to "
                + MAX_RESOLUTION + " percent is allowed");
        }
        final List<FrameMix> mixes = mixes(check);
        check.number("--soak", soak, 0, Long.MAX_VALUE);
        check.number("--trials", trials, 1, MAX_TRIALS);
        check.file("--csv", csv);
        final int longest = FrameMix.longestOf(mixes.toArray(FrameMix[]::new));
        options.check(2, 1, longest);
        options.requirePrograms();
        final int stationsPerPort = stationsPerPort(options.ports(), check);
        final Output output = new Output(spec);
        final Environment environment = Environment.of(spec);
        final ThroughputReport report;
        final List<ThroughputReport.Result> results = new ArrayList<>();
        try (Target target = options.open(0);
             Rig rig = Rig.attach(target, options.rings(), longest, stationsPerPort, options.cpus())) {
            final Observer observer = new Observer(rig, options.probe(), options.usedCpus(), target.pid());
            for (final FrameMix mix : mixes) {
                Observer.WarmUp warm = null;
                if (!warming.isZero()) {
                    output.progress("%s: warming up", mix.title());
                    warm = observer.warmUp(mix, warming);
                }
                results.add(measure(observer, mix, period, warm, output));
            }
            report = new ThroughputReport(environment, options.setup(target, rig.hasHugePages()),
                ThroughputReport.PATTERN, stationsPerPort * target.ports(), seconds, results);
        }
        if (json) {
            output.out().println(Json.write(report));
        } else {
            report.print(output.out());
        }
        output.out().flush();
        if (csv != null) {
            report.csv().write(csv);
        }
        return results.stream().allMatch(result -> result.goodTrials() >= trials) ? CommandLine.ExitCode.OK
            : Output.TOO_FEW_TRIALS;
    }

    /** Returns the number of stations behind each port. */
    private int stationsPerPort(final int ports, final Check check) {
        if (stations == 0) {
            return 1;
        }
        if (stations % ports != 0 || stations < ports || stations > Rig.MAX_STATIONS) {
            throw check.refuse("--stations " + stations + " is not allowed; use a multiple of the " + ports
                + " ports, up to " + Rig.MAX_STATIONS);
        }
        if (options.rings().pairs() > 1 && stations > ports) {
            throw check.refuse("--stations above one per port cannot be combined with --pairs above 1, since a "
                + "station's frames would use several queues");
        }
        return stations / ports;
    }

    private List<FrameMix> mixes(final Check check) {
        try {
            return sizes.stream().map(FrameMix::parse).toList();
        } catch (final IllegalArgumentException e) {
            throw check.refuse("--sizes: " + e.getMessage());
        }
    }

    private ThroughputReport.Result measure(final Observer observer, final FrameMix mix, final Duration period,
        final Observer.@Nullable WarmUp warm, final Output output) throws InterruptedException {
        final Series<String, Trial> saturated = new Series<>(trials);
        final List<ThroughputReport.Step> steps = new ArrayList<>();
        for (int i = 0; i < ROUNDS_PER_TRIAL * trials && !(i > 0 && saturated.isComplete(SATURATION)); i++) {
            final Trial trial = observer.run(Load.saturation(mix, period), Notified.BUSY, Recording.NONE);
            saturated.add(SATURATION, trial);
            steps.add(step(SATURATION, mix, trial, output));
        }
        final List<Trial> counting = saturated.counting(SATURATION);
        final long highest = Math.max(1, Math.round(Observer.received(counting).most()));
        final Search search = new Search(1, highest, Math.max(1, Math.round(highest * resolution / 100)));
        Trial clean = null;
        while (!search.isDone()) {
            final List<Trial> tried = observer.runUntil(new Load(mix, search.next(), period), Notified.BUSY,
                Recording.NONE, Outcome::isClean);
            for (final Trial trial : tried) {
                steps.add(step("search", mix, trial, output));
            }
            final boolean isClean = tried.getLast().outcome().isClean();
            search.tried(isClean);
            clean = isClean ? tried.getLast() : clean;
        }
        final Trial soaked = soak == 0 || clean == null ? null : soak(observer, mix, clean.outcome(), output);
        if (soaked != null) {
            steps.add(step("soak", mix, soaked, output));
        }
        return new ThroughputReport.Result(mix.title(), ThroughputReport.Rate.of(mix, counting),
            clean == null ? null : ThroughputReport.Rate.of(mix, List.of(clean)),
            soaked == null ? null : ThroughputReport.Rate.of(mix, List.of(soaked)),
            saturated.good(SATURATION).size(), warm, steps);
    }

    private static ThroughputReport.Step step(final String purpose, final FrameMix mix, final Trial trial,
        final Output output) {
        final Outcome outcome = trial.outcome();
        output.progress("%s: %s, %.3f Mframes/s in, %.3f out, %d of %d lost; %s%s", mix.title(), purpose,
            outcome.sentPerSecond() / 1e6, outcome.receivedPerSecond() / 1e6, outcome.lost(), outcome.sent(),
            trial.conditions().text(),
            trial.disturbances().isEmpty() ? "" : "; disturbed: " + String.join(", ", trial.disturbances()));
        return ThroughputReport.Step.of(purpose, trial);
    }

    private Trial soak(final Observer observer, final FrameMix mix, final Outcome clean, final Output output)
        throws InterruptedException {
        final Load load = Load.of(mix, SOAK_LOAD * clean.load().framesPerSecond(), soak);
        output.progress("%s: %d frames at %.3f Mframes/s, %.0f s", mix.title(), soak, load.framesPerSecond() / 1e6,
            load.duration().toNanos() / 1e9);
        return observer.run(load, Notified.BUSY, Recording.NONE);
    }
}
