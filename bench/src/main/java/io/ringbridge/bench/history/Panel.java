package io.ringbridge.bench.history;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * One diagram of the plot: the values of one file, in the order in which they were recorded.
 *
 * <p>Conditions have the form {@code column=value|value}. A row belongs to the panel, or to a curve, if it meets all of
 * its conditions.
 *
 * @param title      what is measured
 * @param unit       the unit of the vertical axis
 * @param file       the name of the CSV file
 * @param axis       the vertical axis
 * @param show       which values of a run are drawn
 * @param conditions the rows that belong to the panel
 * @param curves     the curves
 */
record Panel(String title, String unit, String file, Axis axis, Show show, List<String> conditions,
    List<Curve> curves) {
    /** The scale of a vertical axis. */
    enum Axis {
        LINEAR, LOGARITHMIC
    }

    /** The values of a run that are drawn. */
    enum Show {
        /** The largest, joined by a line. */
        BEST,
        /** Each one as a point. */
        ALL
    }

    /**
     * The values of one system or variant.
     *
     * @param name       the name in the legend
     * @param column     the column with the values
     * @param conditions the rows that belong to the curve
     */
    record Curve(String name, String column, List<String> conditions) {
    }

    /**
     * A point of the horizontal axis: what was recorded on one machine for one commit.
     *
     * @param machine the machine; empty if not recorded
     * @param date    the day, year first
     * @param commit  the commit
     */
    record Run(String machine, String date, String commit) {
        static Run of(final Map<String, String> row) {
            return new Run(Results.cell(row, "machine"), Results.cell(row, "date"), Results.cell(row, "commit"));
        }
    }

    static Panel of(final String title, final String unit, final String file, final Axis axis, final Show show,
        final String... conditions) {
        return new Panel(title, unit, file, axis, show, List.of(conditions), List.of());
    }

    /** Adds a curve. */
    Panel curve(final String name, final String column, final String... of) {
        final List<Curve> more = new ArrayList<>(curves);
        more.add(new Curve(name, column, List.of(of)));
        return new Panel(title, unit, file, axis, show, conditions, List.copyOf(more));
    }

    /** Returns the runs with a value of any curve: one machine after the other, each in the order of the file. */
    List<Run> runs(final Results results) {
        final List<Run> runs = results.rows(file).stream()
            .filter(row -> curves.stream().anyMatch(curve -> numbers(row, curve).length > 0))
            .map(Run::of).distinct().toList();
        return runs.stream().map(Run::machine).distinct()
            .flatMap(machine -> runs.stream().filter(run -> run.machine().equals(machine))).toList();
    }

    /** Returns the values that a curve shows of a run; none if nothing was recorded. */
    double[] values(final Results results, final Curve curve, final Run run) {
        final double[] all = results.rows(file).stream().filter(row -> Run.of(row).equals(run))
            .flatMapToDouble(row -> Arrays.stream(numbers(row, curve))).toArray();
        return show == Show.ALL ? all : Arrays.stream(all).max().stream().toArray();
    }

    private double[] numbers(final Map<String, String> row, final Curve curve) {
        return conditions.stream().allMatch(condition -> meets(row, condition))
            && curve.conditions().stream().allMatch(condition -> meets(row, condition))
            ? Results.numbers(Results.cell(row, curve.column())) : new double[0];
    }

    private static boolean meets(final Map<String, String> row, final String condition) {
        final String[] sides = condition.split("=", 2);
        return Arrays.asList(sides[1].split("\\|", -1)).contains(row.get(sides[0]));
    }
}
