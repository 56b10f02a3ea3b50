package io.ringbridge.bench.compare;

import io.ringbridge.bench.trial.Environment;
import io.ringbridge.bench.trial.State;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Prints the comparison as a table in Markdown, one row per load and state of the machine, and explains it. */
final class ReportText {
    private static final double PERCENT = 100;

    private final Report report;
    private final List<State<Trial>> states;

    ReportText(final Report report) {
        this.report = report;
        states = report.states();
    }

    /** Returns the table, the states, and notes. */
    String text(final Environment environment) {
        final StringBuilder text = new StringBuilder(table()).append('\n');
        states.forEach(state -> text.append("State ").append(state.text()).append(".\n"));
        final long moved = report.trials().stream()
            .filter(trial -> trial.measurement().conditions().hasMoved()).count();
        final long disturbed = report.trials().stream().filter(trial -> !trial.measurement().isGood()).count();
        return text.append("Million frames per second, both directions together, or Gbit/s for large packets: median "
            + "(first to third quartile) of\nthe number of trials, and the share of the copy limit, the rate of a "
            + "processor that only copies these frames.\n")
            .append(String.format(Locale.ROOT, "%d of %d trials were disturbed (%d because the host moved the "
                + "processors); they do not count. * marks results that have only\ndisturbed trials. Frames lost are "
                + "totals of all trials, in the order of the columns.%n", disturbed, report.trials().size(), moved))
            .append(environment.machine()).append(".\n").append(environment.versions()).append(".\n").toString();
    }

    private String table() {
        final List<List<String>> rows = new ArrayList<>();
        final List<String> head = new ArrayList<>(List.of("work", "state"));
        report.contenders().forEach(contender -> head.add(contender.title()));
        report.others().forEach(contender -> head.add("to " + contender.title()));
        head.add("copy limit");
        head.add("frames lost");
        rows.add(head);
        for (final State<Trial> state : states) {
            report.works().stream().filter(work -> report.contenders().stream()
                .anyMatch(contender -> report.result(state, work, contender) != null))
                .forEach(work -> rows.add(row(state, work)));
        }
        return render(rows);
    }

    private List<String> row(final State<Trial> state, final Work work) {
        final List<String> row = new ArrayList<>(List.of(work.title(), state.name()));
        String limit = "-";
        for (final Contender contender : report.contenders()) {
            final Report.Result result = report.result(state, work, contender);
            row.add(result == null ? "-" : cell(result));
            limit = result == null ? limit : result.limit().dividedBy(work.kind().unit()).text(0);
        }
        report.others().forEach(contender -> row.add(ratio(state, work, contender)));
        row.add(limit);
        row.add(report.contenders().stream().map(contender -> Long.toString(report.lost(work, contender)))
            .collect(Collectors.joining(" ")));
        return row;
    }

    private static String cell(final Report.Result result) {
        return String.format(Locale.ROOT, "%s%s of %d, %.0f %%",
            result.rate().dividedBy(result.work().kind().unit()).text(2), result.disturbed() ? "*" : "",
            result.trials().size(), PERCENT * result.shareOfLimit().median());
    }

    /** Formats a ratio. Marks it if one of its two results was disturbed. */
    private String ratio(final State<Trial> state, final Work work, final Contender other) {
        final Double ratio = report.ratio(state, work, other);
        if (ratio == null) {
            return "-";
        }
        final boolean disturbed = List.of(Contender.RINGBRIDGE, other).stream()
            .map(contender -> report.result(state, work, contender))
            .anyMatch(result -> result != null && result.disturbed());
        return String.format(Locale.ROOT, "%.2f%s", ratio, disturbed ? "*" : "");
    }

    private static String render(final List<List<String>> rows) {
        final StringBuilder text = new StringBuilder();
        for (int row = 0; row < rows.size(); row++) {
            for (final String cell : rows.get(row)) {
                text.append("| ").append(cell).append(' ');
            }
            text.append("|\n");
            if (row == 0) {
                text.append("|---".repeat(rows.get(row).size())).append("|\n");
            }
        }
        return text.toString();
    }
}
