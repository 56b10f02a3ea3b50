package io.ringbridge.bench.latency;

import io.ringbridge.bench.machine.BenchException;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramIterationValue;
import org.jspecify.annotations.Nullable;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.BitmapEncoder.BitmapFormat;
import org.knowm.xchart.VectorGraphicsEncoder;
import org.knowm.xchart.VectorGraphicsEncoder.VectorGraphicsFormat;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

import java.awt.Color;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A plot of latency over percentile. Each further nine takes the same width on the axis: 90 %, 99 %, 99.9 %.
 *
 * <p>The axis counts the nines: 1 is 90 %, 2 is 99 %, 3 is 99.9 %, and {@code n} is {@code 100 - 100 / 10^n} percent.
 */
final class PercentilePlot {
    private static final int WIDTH = 1000;
    private static final int HEIGHT = 600;
    private static final int STEPS_PER_HALVING = 5;
    private static final int TICK_SPACING = 80;
    private static final double MICRO = 1e3;
    /** A logarithmic axis has no zero, so a latency of zero is drawn as one nanosecond. */
    private static final double LEAST_MICROS = 0.001;
    private static final double PERCENT = 100;

    private final XYChart chart;

    PercentilePlot(final String title, final List<Series> all) {
        chart = new XYChartBuilder().width(WIDTH).height(HEIGHT).title(title).xAxisTitle("percentile")
            .yAxisTitle("latency, microseconds").build();
        chart.getStyler().setYAxisLogarithmic(true).setXAxisMin(0.0).setXAxisTickMarkSpacingHint(TICK_SPACING)
            .setxAxisTickLabelsFormattingFunction(PercentilePlot::percentile);
        chart.getStyler().setLegendPosition(LegendPosition.OutsideE).setChartBackgroundColor(Color.WHITE);
        for (final Series series : all) {
            if (series.histogram().getTotalCount() > 0) {
                add(series.title(), series.histogram());
            }
        }
    }

    /** The format of a file, by the extension of its name. */
    enum Format {
        SVG, PNG;

        /** Returns the format, or null if the extension is neither. */
        static @Nullable Format of(final Path file) {
            final String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
            return name.endsWith(".svg") ? SVG : name.endsWith(".png") ? PNG : null;
        }
    }

    private void add(final String title, final Histogram histogram) {
        final List<Double> nines = new ArrayList<>();
        final List<Double> micros = new ArrayList<>();
        final double most = Math.log10((double) Math.max(10, histogram.getTotalCount()));
        for (final HistogramIterationValue value : histogram.percentiles(STEPS_PER_HALVING)) {
            final double rest = PERCENT - value.getPercentileLevelIteratedTo();
            nines.add(rest <= 0 ? most : Math.min(Math.log10(PERCENT / rest), most));
            micros.add(Math.max(LEAST_MICROS, value.getValueIteratedTo() / MICRO));
        }
        chart.addSeries(title, nines, micros).setMarker(SeriesMarkers.NONE);
    }

    /** Formats the percentile with that many nines. The text has enough digits to differ from its neighbours. */
    static String percentile(final double nines) {
        final int digits = (int) Math.max(0, Math.ceil(nines) - 2 + (nines == Math.rint(nines) ? 0 : 1));
        return String.format(Locale.ROOT, "%." + digits + "f%%", PERCENT - PERCENT / Math.pow(10, nines));
    }

    /** Writes a file in the format of its extension. */
    void write(final Path file) {
        try {
            if (Format.of(file) == Format.PNG) {
                BitmapEncoder.saveBitmap(chart, file.toString(), BitmapFormat.PNG);
            } else {
                VectorGraphicsEncoder.saveVectorGraphic(chart, file.toString(), VectorGraphicsFormat.SVG);
            }
        } catch (final IOException e) {
            throw new BenchException("--plot " + file + ": " + e.getMessage(), e);
        } catch (final InternalError | LinkageError | RuntimeException e) {
            throw new BenchException("--plot " + file + ": cannot draw the plot; are fonts installed? " + e, e);
        }
    }
}
