package io.ringbridge.bench.latency;

import io.ringbridge.bench.plot.Curves;
import io.ringbridge.bench.plot.Page;
import io.ringbridge.bench.plot.Point;
import org.jfree.chart.JFreeChart;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * A plot of latency over percentile. Several back-ends have one diagram per load, with a curve per back-end. A single
 * back-end has one diagram per way of receiving, with a curve per load.
 */
final class LatencyPlot {
    private LatencyPlot() {
    }

    /**
     * Returns the plot.
     *
     * @param notes lines that describe the machine and the measurement
     */
    static Page page(final List<Curve> curves, final String frames, final List<String> notes) {
        final List<String> systems = curves.stream().map(Curve::system).distinct().toList();
        final boolean several = systems.size() > 1;
        final Function<Curve, String> diagram = several ? curve -> curve.receive() + ", " + curve.load()
            : Curve::receive;
        final Function<Curve, String> name = several ? Curve::system : Curve::load;
        final List<Point> all = curves.stream().flatMap(curve -> curve.points().stream()).toList();
        final List<String> names = curves.stream().map(name).distinct().toList();
        final Map<String, Curves> diagrams = new LinkedHashMap<>();
        for (final Curve curve : curves) {
            diagrams.computeIfAbsent(diagram.apply(curve), title -> new Curves(title, names))
                .add(name.apply(curve), curve.points());
        }
        final List<JFreeChart> charts = diagrams.values().stream().map(each -> each.chart(Curves.Range.of(all)))
            .toList();
        return new Page("One-way latency of frames of " + frames + (frames.matches("\\d+") ? " bytes: " : ": ")
            + String.join(", ", systems), notes, charts.size() > 1 ? 2 : 1, charts);
    }
}
