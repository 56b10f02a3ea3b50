package io.ringbridge.bench.history;

import io.ringbridge.bench.history.Panel.Curve;
import io.ringbridge.bench.history.Panel.Run;
import io.ringbridge.bench.history.Panel.Show;

import java.math.BigDecimal;
import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Draws one panel as a group of SVG elements. The styles are those of {@link HistoryPlot}.
 *
 * <p>The horizontal axis counts runs. A gap separates the machines, because their values cannot be compared.
 */
final class Diagram {
    /** The width of a diagram with its margins, in pixels. */
    static final int WIDTH = 500;
    /** The height of a diagram with its margins, in pixels. */
    static final int HEIGHT = 290;

    private static final int LEFT = 62;
    private static final int RIGHT = 488;
    private static final int TOP = 40;
    private static final int BOTTOM = 226;
    private static final int TITLE = 26;
    private static final int MACHINES = 54;
    private static final int DATES = 242;
    private static final int LEGEND = 266;
    /** The room that a date needs. */
    private static final int DATE_WIDTH = 44;
    /** The average width of a letter: a legend is placed without the reader's fonts. */
    private static final double LETTER_WIDTH = 6.6;
    private static final int SYMBOL_WIDTH = 14;
    private static final int LEGEND_GAP = 18;
    private static final DateTimeFormatter DAY = DateTimeFormatter.ofPattern("d MMM", Locale.ROOT);

    private final Results results;
    private final Panel panel;
    private final List<Run> runs;
    private final Scale scale;
    private final double[] places;
    private final int[] colors;
    private final StringBuilder out = new StringBuilder();

    private Diagram(final Results results, final Panel panel) {
        this.results = results;
        this.panel = panel;
        runs = panel.runs(results);
        scale = Scale.of(panel.axis(), panel.curves().stream().flatMap(curve -> runs.stream()
            .map(run -> panel.values(results, curve, run))).flatMapToDouble(Arrays::stream).toArray());
        places = places(runs);
        colors = colors(panel.curves());
    }

    static String draw(final Results results, final Panel panel) {
        return new Diagram(results, panel).draw();
    }

    private String draw() {
        text("title", "middle", (LEFT + RIGHT) / 2.0, TITLE, panel.title());
        for (final BigDecimal label : scale.labels()) {
            final double y = y(label.doubleValue());
            element("<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, RIGHT, y, y);
            text("", "end", LEFT - 6.0, y + 4, String.format(Locale.ROOT, "%,." + Math.max(0, label.scale()) + "f",
                label));
        }
        element("<text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>",
            (TOP + BOTTOM) / 2, panel.unit());
        nameRuns();
        for (int i = 0; i < panel.curves().size(); i++) {
            draw(panel.curves().get(i), colors[i]);
        }
        drawLegend();
        return out.toString();
    }

    private void nameRuns() {
        final int every = (int) Math.ceil(DATE_WIDTH / (x(1) - x(0)));
        for (int from = 0; from < places.length;) {
            int to = from;
            while (to + 1 < places.length && !startsMachine(runs, to + 1)) {
                to++;
            }
            text("", "middle", (x(places[from]) + x(places[to])) / 2, MACHINES, machine(runs.get(from).machine()));
            for (int i = from; i <= to; i += every) {
                text("", "middle", x(places[i]), DATES, DAY.format(LocalDate.parse(runs.get(i).date())));
            }
            from = to + 1;
        }
    }

    private void draw(final Curve curve, final int color) {
        final StringBuilder line = new StringBuilder();
        for (int i = 0; i < runs.size(); i++) {
            if (startsMachine(runs, i)) {
                endLine(line, color);
            }
            for (final double value : panel.values(results, curve, runs.get(i))) {
                final String at = String.format(Locale.ROOT, "%.1f,%.1f", x(places[i]), y(value));
                line.append(line.isEmpty() ? "" : " ").append(at);
                element("<circle class=\"c%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"><title>%s: %s, %s %s</title></circle>",
                    color, x(places[i]), y(value), curve.name(), BigDecimal.valueOf(value).stripTrailingZeros()
                        .toPlainString(), runs.get(i).date(), runs.get(i).commit());
            }
        }
        endLine(line, color);
    }

    private void endLine(final StringBuilder line, final int color) {
        if (panel.show() == Show.BEST && line.indexOf(" ") >= 0) {
            element("<polyline class=\"l%d\" points=\"%s\"/>", color, line);
        }
        line.setLength(0);
    }

    private void drawLegend() {
        final double width = panel.curves().stream().mapToDouble(Diagram::legendWidth).sum() - LEGEND_GAP;
        double x = (LEFT + RIGHT - width) / 2;
        for (int i = 0; i < panel.curves().size(); i++) {
            final Curve curve = panel.curves().get(i);
            element("<circle class=\"c%d\" cx=\"%.1f\" cy=\"%d\" r=\"4\"/>", colors[i], x + 4, LEGEND - 4);
            text("", "start", x + SYMBOL_WIDTH, LEGEND, curve.name());
            x += legendWidth(curve);
        }
    }

    private static double legendWidth(final Curve curve) {
        return SYMBOL_WIDTH + curve.name().length() * LETTER_WIDTH + LEGEND_GAP;
    }

    private double x(final double place) {
        return LEFT + (RIGHT - LEFT) * place / (places[places.length - 1] + 1);
    }

    private double y(final double value) {
        return BOTTOM - (BOTTOM - TOP) * scale.place(value);
    }

    private void text(final String style, final String anchor, final double x, final double y, final String text) {
        element("<text%s text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>",
            style.isEmpty() ? "" : " class=\"" + style + '"', anchor, x, y, text);
    }

    @SuppressWarnings("AnnotateFormatMethod") // the annotation is in a library of the compiler's classpath only
    private void element(final String format, final Object... arguments) {
        out.append(String.format(Locale.ROOT, format, arguments)).append('\n');
    }

    private static boolean startsMachine(final List<Run> runs, final int i) {
        return i == 0 || !runs.get(i).machine().equals(runs.get(i - 1).machine());
    }

    /** Returns the place of each run on the horizontal axis. Each machine's runs are one place further. */
    private static double[] places(final List<Run> runs) {
        final double[] places = new double[runs.size()];
        double next = 0;
        for (int i = 0; i < places.length; i++) {
            next += i > 0 && startsMachine(runs, i) ? 2 : 1;
            places[i] = next;
        }
        return places;
    }

    /** Returns the colour of each curve: that of its system, or the first that is left. */
    private static int[] colors(final List<Curve> curves) {
        final int[] colors = curves.stream().mapToInt(curve -> Panels.SYSTEMS.indexOf(curve.name())).toArray();
        for (int i = 0; i < colors.length; i++) {
            for (int color = 0; colors[i] < 0; color++) {
                final int free = color;
                colors[i] = Arrays.stream(colors).noneMatch(taken -> taken == free) ? color : -1;
            }
        }
        return colors;
    }

    private static String machine(final String recorded) {
        return switch (recorded) {
            case "amd" -> "AMD";
            case "intel" -> "Intel";
            case "" -> "machine not recorded";
            default -> recorded;
        };
    }
}
