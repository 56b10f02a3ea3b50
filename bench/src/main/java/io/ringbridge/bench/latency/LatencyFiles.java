package io.ringbridge.bench.latency;

import io.ringbridge.bench.load.Outcome;
import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.bench.plot.Page;
import io.ringbridge.bench.trial.Csv;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogWriter;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;

/** Writes the trials and the distributions to files. */
final class LatencyFiles {
    private static final double MICRO = 1e3;
    private static final int HGRM_STEPS = 5;
    private static final long MILLIS_PER_SECOND = 1000;

    private final Measurement measurement;

    LatencyFiles(final Measurement measurement) {
        this.measurement = measurement;
    }

    /** Writes one row per trial. */
    void writeCsv(final Path file) {
        final Csv csv = new Csv(Stream.concat(Stream.of("time", "system", "receive", "load", "counts",
            "offered_per_second", "sent_per_second", "sent", "lost", "overloaded", "mean_us", "p50_us", "p90_us",
            "p99_us", "p999_us", "p9999_us", "max_us"), Csv.conditionColumns().stream()).toList());
        for (final Case load : measurement.series().loads()) {
            final List<LoadTrial> good = measurement.series().good(load);
            for (final LoadTrial trial : measurement.series().all(load)) {
                final Outcome outcome = trial.outcome();
                final List<@Nullable Object> row = Csv.cells(trial.trial().time(), load.system(),
                    load.receive(), load.name(), good.contains(trial), outcome.load().framesPerSecond(),
                    outcome.sentPerSecond(), outcome.sent(), outcome.lost(), outcome.isOverloaded());
                row.addAll(percentiles(outcome));
                row.addAll(Csv.conditions(trial.conditions(), trial.disturbances()));
                csv.row(row);
            }
        }
        csv.write(file);
    }

    private static List<@Nullable Object> percentiles(final Outcome outcome) {
        final Histogram latency = outcome.latency();
        if (outcome.isOverloaded() || latency == null) {
            return Collections.nCopies(7, null);
        }
        final LatencyReport.Percentiles of = LatencyReport.Percentiles.of(latency);
        return List.of(of.mean(), of.p50(), of.p90(), of.p99(), of.p999(), of.p9999(), of.max());
    }

    /** Writes the distribution of each second in HdrHistogram's log format, tagged with the back-end and the load. */
    void writeSeries(final Path file) {
        try (PrintStream out = stream(file)) {
            final HistogramLogWriter writer = new HistogramLogWriter(out);
            writer.outputLogFormatVersion();
            writer.outputComment("[Latencies in nanoseconds, by the second in which the frame was received]");
            writer.outputLegend();
            for (final Case load : measurement.series().loads()) {
                for (final LoadTrial trial : measurement.series().all(load)) {
                    writeSeries(writer, load, trial);
                }
            }
        } catch (final IOException e) {
            throw new BenchException("--series " + file + ": " + e.getMessage(), e);
        }
    }

    private static void writeSeries(final HistogramLogWriter writer, final Case load, final LoadTrial trial) {
        long at = Instant.parse(trial.trial().time()).toEpochMilli();
        for (final Histogram second : trial.outcome().seconds()) {
            second.setStartTimeStamp(at);
            at += MILLIS_PER_SECOND;
            second.setEndTimeStamp(at);
            // A tag of the format contains neither commas nor spaces.
            second.setTag(load.slug(true));
            writer.outputIntervalHistogram(second);
        }
    }

    /** Writes the distributions of the loads that are not overloaded for HdrHistogram's plotter. */
    void writeHgrm(final Path file) {
        final List<Case> loads = measurement.series().loads().stream()
            .filter(load -> !measurement.isOverloaded(load)).toList();
        final boolean several = loads.stream().map(Case::system).distinct().count() > 1;
        for (final Case load : loads) {
            final Path own = loads.size() == 1 ? file : withSlug(file, load.slug(several));
            if (Files.exists(own) && !Files.isRegularFile(own)) {
                throw new BenchException("--hgrm " + own + " is not a regular file; it is not replaced");
            }
            try (PrintStream out = stream(own)) {
                LatencyReport.together(measurement.carried(load)).outputPercentileDistribution(out, HGRM_STEPS, MICRO);
            } catch (final IOException e) {
                throw new BenchException("--hgrm " + own + ": " + e.getMessage(), e);
            }
        }
    }

    private static PrintStream stream(final Path file) throws IOException {
        return new PrintStream(Files.newOutputStream(file), false, StandardCharsets.US_ASCII);
    }

    /** Inserts a load's name before the extension: {@code a.hgrm} becomes {@code a-busy-50.hgrm}. */
    static Path withSlug(final Path file, final String slug) {
        final String name = file.getFileName().toString();
        final int dot = name.lastIndexOf('.');
        final int end = dot > 0 ? dot : name.length();
        return file.resolveSibling(name.substring(0, end) + "-" + slug + name.substring(end));
    }

    /** Draws the loads that are not overloaded. */
    static void writePlot(final LatencyReport report, final Path file) {
        final List<Curve> curves = new ArrayList<>();
        for (final LatencyReport.SystemResult system : report.systems()) {
            for (final LatencyReport.Result result : system.results()) {
                if (!result.distribution().isEmpty()) {
                    curves.add(new Curve(system.setup().target(), result.receive(), result.load(),
                        result.distribution()));
                }
            }
        }
        if (curves.isEmpty()) {
            throw new BenchException("--plot " + file + ": all loads were overloaded; nothing is drawn");
        }
        final Page page = LatencyPlot.page(curves, report.frames(), List.of(report.environment().machine(),
            report.environment().versions(), report.systems().getFirst().setup().ringsText()));
        page.write("--plot", file);
    }
}
