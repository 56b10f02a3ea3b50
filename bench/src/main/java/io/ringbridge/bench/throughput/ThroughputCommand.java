package io.ringbridge.bench.throughput;

import io.ringbridge.api.Json;
import io.ringbridge.bench.backend.Target;
import io.ringbridge.bench.load.FrameMix;
import io.ringbridge.bench.load.Load;
import io.ringbridge.bench.load.Outcome;
import io.ringbridge.bench.load.Rig;
import io.ringbridge.bench.load.Search;
import io.ringbridge.bench.options.Check;
import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.options.TargetOptions;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

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
        "  ringbridge bench throughput --target a.sock --target b.sock --json"})
public final class ThroughputCommand implements Callable<Integer> {
    private static final double SHORTEST_TRIAL = 0.05;
    private static final double MAX_RESOLUTION = 50;
    private static final double MIN_RESOLUTION = 0.01;
    private static final double SOAK_LOAD = 0.8;

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
        options.check(2);
        final int stationsPerPort = stationsPerPort(options.ports(), check);
        final Output output = new Output(spec);
        final ThroughputReport report;
        try (Target target = options.open();
             Rig rig = Rig.attach(target, options.rings(), FrameMix.longestOf(mixes.toArray(FrameMix[]::new)),
                 stationsPerPort, options.cpus())) {
            final List<ThroughputReport.Result> results = new ArrayList<>();
            for (final FrameMix mix : mixes) {
                if (!warming.isZero()) {
                    output.progress("%s: warming up for %.1f s", mix.title(), warmUp);
                    rig.run(Load.saturation(mix, warming));
                }
                results.add(measure(rig, mix, period, output));
            }
            report = new ThroughputReport(options.setup(target, rig.hasHugePages()), ThroughputReport.PATTERN,
                stationsPerPort * target.ports(), seconds, results);
        }
        if (json) {
            output.out().println(Json.write(report));
        } else {
            report.print(output.out());
        }
        output.out().flush();
        return CommandLine.ExitCode.OK;
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

    private ThroughputReport.Result measure(final Rig rig, final FrameMix mix, final Duration period,
        final Output output)
        throws InterruptedException {
        final Outcome most = rig.run(Load.saturation(mix, period));
        output.progress("%s: saturation, %.3f Mframes/s in, %.3f out, %d of %d lost", mix.title(),
            most.sentPerSecond() / 1e6, most.receivedPerSecond() / 1e6, most.lost(), most.sent());
        final long highest = Math.max(1, Math.round(most.receivedPerSecond()));
        final Search search = new Search(1, highest, Math.max(1, Math.round(highest * resolution / 100)));
        Outcome clean = null;
        while (!search.isDone()) {
            final Outcome outcome = rig.run(new Load(mix, search.next(), period));
            output.progress("%s: %.3f Mframes/s offered, %.3f sent, %d of %d lost", mix.title(), search.next() / 1e6,
                outcome.sentPerSecond() / 1e6, outcome.lost(), outcome.sent());
            search.tried(outcome.isClean());
            clean = outcome.isClean() ? outcome : clean;
        }
        return new ThroughputReport.Result(mix.title(), ThroughputReport.Rate.of(mix, most),
            clean == null ? null : ThroughputReport.Rate.of(mix, clean),
            soak == 0 || clean == null ? null : soak(rig, mix, clean, output));
    }

    private ThroughputReport.Rate soak(final Rig rig, final FrameMix mix, final Outcome clean, final Output output)
        throws InterruptedException {
        final Load load = Load.of(mix, SOAK_LOAD * clean.load().framesPerSecond(), soak);
        output.progress("%s: %d frames at %.3f Mframes/s, %.0f s", mix.title(), soak, load.framesPerSecond() / 1e6,
            load.duration().toNanos() / 1e9);
        final Outcome outcome = rig.run(load);
        output.progress("%s: %d of %d lost", mix.title(), outcome.lost(), outcome.sent());
        return ThroughputReport.Rate.of(mix, outcome);
    }
}
