package io.ringbridge.bench.plot;

import org.jfree.chart.axis.AxisState;
import org.jfree.chart.axis.LogAxis;
import org.jfree.chart.axis.NumberTick;
import org.jfree.chart.axis.ValueTick;
import org.jfree.chart.ui.RectangleEdge;
import org.jfree.chart.ui.TextAnchor;

import java.awt.Graphics2D;
import java.awt.geom.Rectangle2D;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A logarithmic vertical axis with a tick per power of ten, whose labels are plain numbers: 0.1, 1, 1,000. */
final class DecadesAxis extends LogAxis {
    private static final long serialVersionUID = 1;
    private static final double ROUNDING = 1e-6;

    /** Both ends of the axis are powers of ten. */
    DecadesAxis(final String label, final double least, final double most) {
        super(label);
        setRange(least, most);
    }

    @Override
    public List<ValueTick> refreshTicks(final Graphics2D g2, final AxisState state, final Rectangle2D area,
        final RectangleEdge edge) {
        final List<ValueTick> ticks = new ArrayList<>();
        final int last = (int) Math.floor(Math.log10(getRange().getUpperBound()) + ROUNDING);
        for (int power = (int) Math.ceil(Math.log10(getRange().getLowerBound()) - ROUNDING); power <= last; power++) {
            final BigDecimal value = BigDecimal.ONE.scaleByPowerOfTen(power);
            ticks.add(new NumberTick(value, String.format(Locale.ROOT, "%,." + Math.max(0, -power) + "f", value),
                TextAnchor.CENTER_RIGHT, TextAnchor.CENTER_RIGHT, 0));
        }
        return ticks;
    }
}
