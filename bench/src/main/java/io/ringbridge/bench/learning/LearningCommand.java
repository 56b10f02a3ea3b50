package io.ringbridge.bench.learning;

import io.ringbridge.api.Json;
import io.ringbridge.bench.backend.Target;
import io.ringbridge.bench.load.Search;
import io.ringbridge.bench.options.Check;
import io.ringbridge.bench.options.Output;
import io.ringbridge.bench.options.TargetOptions;
import io.ringbridge.bench.trial.Environment;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.ThreadTuning;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;

/** Measures how many addresses a bridge remembers, and how fast it learns them. */
@Command(name = "learning", sortOptions = false, mixinStandardHelpOptions = true,
    description = "Measures how many addresses a bridge with at least three ports remembers, and how fast it learns "
        + "them (RFC 2889).%n",
    footerHeading = "%nExamples:%n",
    footer = {
        "  ringbridge bench learning",
        "  ringbridge bench learning --target a.sock --target b.sock \\",
        "    --target c.sock --ageing 30 --json",
        "",
        "Exit status: 0 done, 1 failed, 2 wrong usage, 3 done, but trials in which",
        "the bridge forgot addresses were disturbed."})
public final class LearningCommand implements Callable<Integer> {
    private static final int PORTS = 3;
    private static final int MOST_ADDRESSES = 1 << 24;
    private static final double MAX_RESOLUTION = 50;
    private static final double MIN_RESOLUTION = 0.001;

    @Spec
    private CommandSpec spec;

    @Mixin
    private TargetOptions options;

    @Option(names = "--max-addresses", paramLabel = "N", defaultValue = "131072",
        description = "Largest number of addresses to try, 1 to 16777216; default: ${DEFAULT-VALUE}.")
    private int maxAddresses;

    @Option(names = "--addresses", paramLabel = "N", defaultValue = "8192",
        description = "Addresses per trial of the learning rate, or fewer if the bridge remembers fewer; default: "
            + "${DEFAULT-VALUE}.")
    private int addresses;

    @Option(names = "--resolution", paramLabel = "PERCENT", defaultValue = "1",
        description = "Accuracy of the results, in percent of the largest value tried; default: ${DEFAULT-VALUE}.")
    private double resolution;

    @Option(names = "--ageing", paramLabel = "SECONDS", defaultValue = "330",
        description = "Time within which the bridge must forget the addresses of a trial; default: ${DEFAULT-VALUE}.")
    private double ageing;

    @Option(names = "--csv", paramLabel = "FILE", description = "Write one row per trial to FILE.")
    private @Nullable Path csv;

    @Option(names = "--json", description = "Print one JSON object and nothing else.")
    private boolean json;

    @Override
    public Integer call() {
        final Check check = new Check(spec);
        check.number("--max-addresses", maxAddresses, 1, MOST_ADDRESSES);
        check.number("--addresses", addresses, 1, MOST_ADDRESSES);
        if (!(resolution >= MIN_RESOLUTION && resolution <= MAX_RESOLUTION)) {
            throw check.refuse("--resolution " + resolution + " is out of range; " + MIN_RESOLUTION + " to "
                + MAX_RESOLUTION + " percent is allowed");
        }
        final Duration patience = check.seconds("--ageing", ageing, 1);
        check.file("--csv", csv);
        options.check(PORTS, 1, Station.LENGTH);
        options.requirePrograms();
        pin(check);
        final Output output = new Output(spec);
        final Environment environment = Environment.of(spec);
        final LearningReport report;
        try (Target target = options.open(0); Classroom room = new Classroom(target, options.rings(), patience)) {
            final Lessons lessons = new Lessons(room, options.probe(), options.usedCpus(), output);
            final LearningReport.Capacity capacity = capacity(lessons);
            report = new LearningReport(environment, options.setup(target, room.hasHugePages()), capacity,
                capacity == null ? null : rate(lessons, (int) Math.min(addresses, capacity.addresses())),
                lessons.steps());
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
        return report.isDisturbed() ? Output.TOO_FEW_TRIALS : CommandLine.ExitCode.OK;
    }

    /** Pins this thread, which drives the guests. */
    private void pin(final Check check) {
        try {
            if (!options.cpus().isEmpty()) {
                ThreadTuning.pin(options.cpus().getFirst());
            }
        } catch (final OsException e) {
            throw check.refuse("--cpus: " + e.getMessage());
        }
    }

    private long step(final long highest) {
        return Math.max(1, Math.round(highest * resolution / 100));
    }

    private LearningReport.@Nullable Capacity capacity(final Lessons lessons) {
        final Search search = new Search(1, maxAddresses, step(maxAddresses));
        while (!search.isDone()) {
            search.tried(lessons.teach((int) search.next(), Double.POSITIVE_INFINITY).isLearned());
        }
        return search.best().isEmpty() ? null
            : new LearningReport.Capacity(search.best().getAsLong(), search.best().getAsLong() == maxAddresses);
    }

    private LearningReport.@Nullable Rate rate(final Lessons lessons, final int count) {
        final Classroom.Lesson fastest = lessons.teach(count, Double.POSITIVE_INFINITY);
        if (fastest.isLearned()) {
            return new LearningReport.Rate(fastest.addressesPerSecond(), count, true);
        }
        final long highest = Math.max(1, Math.round(fastest.addressesPerSecond()));
        final Search search = new Search(1, highest, step(highest));
        while (!search.isDone()) {
            search.tried(lessons.teach(count, (double) search.next()).isLearned());
        }
        return search.best().isEmpty() ? null : new LearningReport.Rate(search.best().getAsLong(), count, false);
    }
}
