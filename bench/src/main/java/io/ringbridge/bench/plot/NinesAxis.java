package io.ringbridge.bench.plot;

import org.jfree.chart.axis.AxisState;
import org.jfree.chart.axis.NumberAxis;
import org.jfree.chart.axis.NumberTick;
import org.jfree.chart.axis.ValueTick;
import org.jfree.chart.ui.RectangleEdge;
import org.jfree.chart.ui.TextAnchor;

import java.awt.Graphics2D;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A horizontal axis of percentiles. Each further nine takes the same width, and has a tick: 90 %, 99 %, 99.9 %.
 *
 * <p>The axis counts the nines: 1 is 90 %, 2 is 99 %, 3 is 99.9 %, and {@code n} is {@code 100 - 100 / 10^n} percent.
 */
final class NinesAxis extends NumberAxis {
    private static final long serialVersionUID = 1;
    private static final double PERCENT = 100;
    private static final double HALF = 50;

    NinesAxis(final double most) {
        super("percentile");
        setRange(0, most);
    }

    /** Returns the number of nines of a percentile below 100. */
    static double nines(final double percentile) {
        return Math.log10(PERCENT / (PERCENT - percentile));
    }

    /** Formats the percentile with that many nines. */
    static String label(final int nines) {
        return String.format(Locale.ROOT, "%." + Math.max(0, nines - 2) + "f %%",
            PERCENT - PERCENT / Math.pow(10, nines));
    }

    @Override
    public List<ValueTick> refreshTicks(final Graphics2D g2, final AxisState state,
        final Rectangle2D area, final RectangleEdge edge) {
        final List<ValueTick> ticks = new ArrayList<>();
        ticks.add(tick(nines(HALF), "50 %"));
        for (int nines = 1; nines <= getRange().getUpperBound(); nines++) {
            ticks.add(tick(nines, label(nines)));
        }
        return ticks;
    }

    private static NumberTick tick(final double at, final String label) {
        return new NumberTick(at, label, TextAnchor.TOP_CENTER, TextAnchor.TOP_CENTER, 0);
    }
}
