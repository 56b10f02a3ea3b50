package io.ringbridge.bench.plot;

import org.jfree.chart.JFreeChart;
import org.jfree.chart.plot.XYPlot;
import org.jfree.chart.renderer.xy.XYLineAndShapeRenderer;
import org.jfree.data.xy.XYSeries;
import org.jfree.data.xy.XYSeriesCollection;

import java.util.List;

/** A diagram of latency over percentile, with a logarithmic axis of latencies. */
public final class Curves {
    /** A logarithmic axis has no zero, so a latency of zero is drawn as ten nanoseconds. */
    private static final double LEAST_MICROS = 0.01;
    /** The most nines that are drawn: 99.99999 %. */
    private static final double MOST_NINES = 7;
    private static final double PERCENT = 100;

    private final String title;
    private final List<String> names;
    private final XYSeriesCollection curves = new XYSeriesCollection();

    /**
     * Creates a diagram without curves.
     *
     * @param names the names of all curves of the page, so that each has the same colour in all diagrams
     */
    public Curves(final String title, final List<String> names) {
        this.title = title;
        this.names = List.copyOf(names);
    }

    /** Adds a curve. The last point is at 100 percent, and is drawn at the percentile of the point before it. */
    public void add(final String name, final List<Point> points) {
        final XYSeries series = new XYSeries(name, false);
        double last = 0;
        for (final Point point : points) {
            last = point.percentile() < PERCENT ? Math.min(MOST_NINES, NinesAxis.nines(point.percentile())) : last;
            series.add(last, Math.max(LEAST_MICROS, point.micros()));
        }
        curves.addSeries(series);
    }

    /**
     * Returns the diagram.
     *
     * @param range a range that includes all latencies, the same for all diagrams of a page
     */
    public JFreeChart chart(final Range range) {
        final NinesAxis percentiles = new NinesAxis(range.nines());
        Look.dress(percentiles);
        final DecadesAxis latencies = new DecadesAxis("latency, microseconds", range.least(), range.most());
        Look.dress(latencies);
        final XYLineAndShapeRenderer renderer = new XYLineAndShapeRenderer(true, false);
        for (int i = 0; i < curves.getSeriesCount(); i++) {
            renderer.setSeriesPaint(i, Look.color(names.indexOf(curves.getSeriesKey(i).toString())));
            renderer.setSeriesStroke(i, Look.CURVE);
        }
        renderer.setDrawSeriesLineAsPath(true);
        final XYPlot plot = new XYPlot(curves, percentiles, latencies, renderer);
        plot.setDomainGridlinePaint(Look.GRID);
        plot.setDomainGridlineStroke(Look.THIN);
        plot.setRangeGridlinePaint(Look.GRID);
        plot.setRangeGridlineStroke(Look.THIN);
        final JFreeChart chart = new JFreeChart(title, plot);
        Look.dress(chart);
        return chart;
    }

    /**
     * The range of the axes.
     *
     * @param least the smallest latency, a power of ten
     * @param most the largest latency, a power of ten
     * @param nines the largest number of nines
     */
    public record Range(double least, double most, double nines) {
        /** Returns a range that includes all points. */
        public static Range of(final List<Point> points) {
            final double least = points.stream().mapToDouble(Point::micros).min().orElse(1);
            final double most = points.stream().mapToDouble(Point::micros).max().orElse(1);
            final double nines = points.stream().mapToDouble(Point::percentile).filter(each -> each < PERCENT)
                .map(NinesAxis::nines).max().orElse(1);
            final double bottom = power(Math.floor(Math.log10(Math.max(LEAST_MICROS, least))));
            return new Range(bottom, Math.max(bottom * 10, power(Math.ceil(Math.log10(Math.max(LEAST_MICROS, most))))),
                Math.clamp(nines, 1, MOST_NINES));
        }

        private static double power(final double exponent) {
            return Math.pow(10, exponent);
        }
    }
}
