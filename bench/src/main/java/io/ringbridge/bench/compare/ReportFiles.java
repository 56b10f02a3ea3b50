package io.ringbridge.bench.compare;

import io.ringbridge.api.Json;
import io.ringbridge.bench.plot.Bars;
import io.ringbridge.bench.plot.Page;
import io.ringbridge.bench.trial.Conditions;
import io.ringbridge.bench.trial.Csv;
import io.ringbridge.bench.trial.Environment;
import io.ringbridge.bench.trial.Spread;
import io.ringbridge.bench.trial.State;
import org.jfree.chart.JFreeChart;
import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;

/** The comparison in formats for other programs, and as a plot. */
final class ReportFiles {
    private static final int PERCENT = 100;

    private final Report report;
    private final Environment environment;
    private final List<State<Trial>> states;

    ReportFiles(final Report report, final Environment environment) {
        this.report = report;
        this.environment = environment;
        states = report.states();
    }

    private record Whole(Environment environment, Placement placement, List<StateView> states,
        List<ResultView> results, List<TrialView> trials) {
    }

    private record StateView(String name, @Nullable Spread lineNanos, @Nullable Spread clockGhz,
        @Nullable Spread operationsPerNano, Spread steal, int trials) {
    }

    private record ResultView(String work, String variant, @Nullable Integer frameBytes, String state, String system,
        String unit, Spread rate, Spread limit, Spread shareOfLimit, @Nullable Double ringbridgeToThis,
        boolean disturbed) {
    }

    private record TrialView(String time, int round, String work, String variant, @Nullable Integer frameBytes,
        @Nullable String state, String system, String unit, double rate, double limit, double lastToFirst,
        long circulating, long lost, Conditions conditions, List<String> disturbances) {
    }

    /** Returns all results and trials as JSON, on one line. */
    String json(final Placement placement) {
        final List<ResultView> results = new ArrayList<>();
        for (final State<Trial> state : states) {
            for (final Work work : report.works()) {
                report.contenders().stream().map(contender -> report.result(state, work, contender))
                    .filter(Objects::nonNull).map(this::view).forEach(results::add);
            }
        }
        return Json.write(new Whole(environment, placement, states.stream().map(state -> new StateView(state.name(),
            state.lineNanos(), state.clockGhz(), state.operationsPerNano(), state.steal(), state.trials().size()))
            .toList(), results, report.trials().stream().map(this::view).toList()));
    }

    private ResultView view(final Report.Result of) {
        final Work work = of.work();
        return new ResultView(work.kind().key(), work.variant().title(), frameBytes(work), of.state().name(),
            of.contender().key(), work.kind().baseUnit(), of.rate(), of.limit(), of.shareOfLimit(),
            of.contender() == Contender.RINGBRIDGE ? null : report.ratio(of.state(), work, of.contender()),
            of.disturbed());
    }

    private TrialView view(final Trial of) {
        final Measurement measured = of.measurement();
        return new TrialView(of.time(), of.round(), of.work().kind().key(), of.work().variant().title(),
            frameBytes(of.work()), state(of), of.contender().key(), of.work().kind().baseUnit(), of.rate(), of.limit(),
            measured.lastToFirst(), measured.circulating(), measured.lost(), measured.conditions(),
            measured.disturbances());
    }

    private static @Nullable Integer frameBytes(final Work work) {
        return work.kind() == Kind.FRAMES ? work.frameSize() : null;
    }

    private @Nullable String state(final Trial trial) {
        return states.stream().filter(state -> state.trials().contains(trial)).map(State::name).findFirst()
            .orElse(null);
    }

    /** Returns all trials as CSV, one row each. */
    Csv csv() {
        final Csv csv = new Csv(Stream.concat(Stream.of("time", "round", "work", "rings", "frame_bytes", "system",
            "state", "rate", "unit", "copy_limit", "share_of_limit", "last_to_first", "circulating", "lost"),
            Csv.conditionColumns().stream()).toList());
        for (final Trial trial : report.trials()) {
            final Measurement measured = trial.measurement();
            final List<@Nullable Object> row = Csv.cells(trial.time(), trial.round(),
                trial.work().kind().key(), trial.work().variant().title(), frameBytes(trial.work()),
                trial.contender().key(), state(trial), trial.rate(), trial.work().kind().baseUnit(), trial.limit(),
                trial.shareOfLimit(), measured.lastToFirst(), measured.circulating(), measured.lost());
            row.addAll(Csv.conditions(measured.conditions(), measured.disturbances()));
            csv.row(row);
        }
        return csv;
    }

    /** Returns the plot: one diagram per state of the machine and unit. */
    Page plot() {
        final List<JFreeChart> diagrams = new ArrayList<>();
        for (final State<Trial> state : states) {
            for (final String unit : report.works().stream().map(work -> work.kind().unitTitle()).distinct().toList()) {
                final Bars bars = new Bars(state.title(), unit,
                    report.contenders().stream().map(Contender::title).toList());
                if (add(bars, state, unit)) {
                    diagrams.add(bars.chart());
                }
            }
        }
        return new Page("Forwarding rate of one core", List.of(environment.machine(), environment.versions(),
            "Medians, with a line from the first to the third quartile. Percentages: share of the rate of a processor "
                + "that only copies these frames.", "* only disturbed trials"), 1, diagrams);
    }

    private boolean add(final Bars bars, final State<Trial> state, final String unit) {
        boolean any = false;
        for (final Work work : report.works()) {
            for (final Contender contender : report.contenders()) {
                final Report.Result result = report.result(state, work, contender);
                if (result != null && work.kind().unitTitle().equals(unit)) {
                    final Spread rate = result.rate().dividedBy(work.kind().unit());
                    bars.add(contender.title(), work.title(), rate, String.format(Locale.ROOT, "%.1f%s, %.0f %%",
                        rate.median(), result.disturbed() ? "*" : "", PERCENT * result.shareOfLimit().median()));
                    any = true;
                }
            }
        }
        return any;
    }
}
