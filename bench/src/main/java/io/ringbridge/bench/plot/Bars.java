package io.ringbridge.bench.plot;

import io.ringbridge.bench.trial.Spread;
import org.jfree.chart.JFreeChart;
import org.jfree.chart.axis.CategoryAxis;
import org.jfree.chart.axis.NumberAxis;
import org.jfree.chart.plot.CategoryPlot;
import org.jfree.chart.renderer.category.BarRenderer;
import org.jfree.chart.renderer.category.StandardBarPainter;
import org.jfree.chart.ui.RectangleEdge;
import org.jfree.data.category.DefaultCategoryDataset;

import java.awt.Graphics2D;
import java.awt.geom.Line2D;
import java.awt.geom.RectangularShape;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A bar diagram: groups of bars, each with a line from the first to the third quartile, and a label above it. */
public final class Bars {
    private static final double HEADROOM = 0.16;
    private static final double GROUP_MARGIN = 0.12;
    private static final double BAR_MARGIN = 0.04;
    private static final double WHISKER = 0.12;
    private static final double LABEL_GAP = 3;

    private final String title;
    private final String unit;
    private final List<String> series;
    private final DefaultCategoryDataset medians = new DefaultCategoryDataset();
    private final Map<List<Comparable<?>>, Bar> bars = new LinkedHashMap<>();

    private record Bar(Spread spread, String label) {
    }

    /**
     * Creates a diagram without bars.
     *
     * @param unit the unit of the vertical axis
     * @param series all series of the page, so that each has the same place and colour in all diagrams
     */
    public Bars(final String title, final String unit, final List<String> series) {
        this.title = title;
        this.unit = unit;
        this.series = List.copyOf(series);
    }

    /** Adds a bar. Bars of a series have one colour; those of a group stand side by side. */
    public void add(final String name, final String group, final Spread spread, final String label) {
        if (!medians.getColumnKeys().contains(group)) {
            series.forEach(each -> medians.addValue(null, each, group));
        }
        medians.setValue(spread.median(), name, group);
        bars.put(List.of(name, group), new Bar(spread, label));
    }

    /** Returns the diagram. */
    public JFreeChart chart() {
        final CategoryAxis groups = new CategoryAxis();
        groups.setCategoryMargin(GROUP_MARGIN);
        groups.setMaximumCategoryLabelLines(3);
        Look.dress(groups);
        final NumberAxis values = new NumberAxis(unit);
        values.setUpperMargin(HEADROOM);
        Look.dress(values);
        final CategoryPlot plot = new CategoryPlot(medians, groups, values,
            renderer(new Painter(), medians.getRowCount()));
        plot.setRangeGridlinePaint(Look.GRID);
        plot.setRangeGridlineStroke(Look.THIN);
        final JFreeChart chart = new JFreeChart(title, plot);
        Look.dress(chart);
        return chart;
    }

    private static BarRenderer renderer(final Painter painter, final int series) {
        final BarRenderer renderer = new BarRenderer();
        renderer.setBarPainter(painter);
        renderer.setShadowVisible(false);
        renderer.setItemMargin(BAR_MARGIN);
        for (int i = 0; i < series; i++) {
            renderer.setSeriesPaint(i, Look.color(i));
        }
        return renderer;
    }

    /** Draws the quartiles and the label of each bar on top of it. */
    private final class Painter extends StandardBarPainter {
        private static final long serialVersionUID = 1;

        @Override
        public void paintBar(final Graphics2D g2, final BarRenderer renderer, final int row, final int column,
            final RectangularShape shape, final RectangleEdge base) {
            super.paintBar(g2, renderer, row, column, shape, base);
            final Bar bar = bars.get(List.of(medians.getRowKey(row), medians.getColumnKey(column)));
            if (bar == null) {
                return;
            }
            // The axis is linear and starts at zero, as the bar does.
            final double perUnit = shape.getHeight() / bar.spread.median();
            final double lower = shape.getMaxY() - perUnit * bar.spread.lower();
            final double upper = shape.getMaxY() - perUnit * bar.spread.upper();
            final double x = shape.getCenterX();
            final double half = WHISKER * shape.getWidth();
            g2.setPaint(Look.INK);
            g2.setStroke(Look.THIN);
            g2.draw(new Line2D.Double(x, lower, x, upper));
            g2.draw(new Line2D.Double(x - half, lower, x + half, lower));
            g2.draw(new Line2D.Double(x - half, upper, x + half, upper));
            g2.setFont(Look.TEXT);
            final double width = g2.getFontMetrics().getStringBounds(bar.label, g2).getWidth();
            g2.drawString(bar.label, (float) (x - width / 2), (float) (upper - LABEL_GAP));
        }
    }
}
