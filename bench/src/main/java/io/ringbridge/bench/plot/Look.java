package io.ringbridge.bench.plot;

import org.jfree.chart.JFreeChart;
import org.jfree.chart.axis.Axis;
import org.jfree.chart.block.BlockBorder;
import org.jfree.chart.text.TextUtils;
import org.jfree.chart.title.LegendTitle;
import org.jfree.chart.ui.RectangleEdge;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.util.List;

/** Colours and fonts. The colours are those of Okabe and Ito, which people with any colour vision can tell apart. */
final class Look {
    static final Color BACKGROUND = Color.WHITE;
    static final Color INK = new Color(0x24292f);
    static final Color FAINT_INK = new Color(0x57606a);
    static final Color GRID = new Color(0xd0d7de);
    static final Font PAGE_TITLE = new Font(Font.SANS_SERIF, Font.BOLD, 18);
    static final Font TITLE = new Font(Font.SANS_SERIF, Font.BOLD, 13);
    static final Font TEXT = new Font(Font.SANS_SERIF, Font.PLAIN, 12);
    static final BasicStroke CURVE = new BasicStroke(2f, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND);
    static final BasicStroke THIN = new BasicStroke(1f);

    private static final List<Color> COLORS = List.of(new Color(0x0072b2), new Color(0xe69f00), new Color(0x009e73),
        new Color(0xcc79a7), new Color(0xd55e00), new Color(0x56b4e9), new Color(0x666666), new Color(0xb8a800));

    static {
        System.setProperty("java.awt.headless", "true");
        // The workaround draws rotated text as outlines.
        TextUtils.setUseDrawRotatedStringWorkaround(false);
    }

    private Look() {
    }

    static Color color(final int series) {
        return COLORS.get(series % COLORS.size());
    }

    /** Applies the fonts and colours to a diagram. */
    static void dress(final JFreeChart chart) {
        chart.setBackgroundPaint(BACKGROUND);
        chart.setAntiAlias(true);
        chart.getTitle().setFont(TITLE);
        chart.getTitle().setPaint(INK);
        chart.getPlot().setBackgroundPaint(BACKGROUND);
        chart.getPlot().setOutlinePaint(null);
        final LegendTitle legend = chart.getLegend();
        if (legend != null) {
            legend.setItemFont(TEXT);
            legend.setItemPaint(INK);
            legend.setPosition(RectangleEdge.BOTTOM);
            legend.setBackgroundPaint(BACKGROUND);
            legend.setFrame(BlockBorder.NONE);
        }
    }

    static void dress(final Axis axis) {
        axis.setLabelFont(TEXT);
        axis.setTickLabelFont(TEXT);
        axis.setLabelPaint(INK);
        axis.setTickLabelPaint(INK);
        axis.setAxisLinePaint(FAINT_INK);
        axis.setTickMarkPaint(FAINT_INK);
    }
}
