package io.ringbridge.bench.latency;

import io.ringbridge.bench.plot.Point;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramIterationValue;

import java.util.ArrayList;
import java.util.List;

/**
 * The distribution of the latencies of one back-end at one load.
 *
 * @param system the name of the back-end
 * @param receive {@code busy} or {@code interrupt}
 * @param load the share of the maximum, or the rate
 * @param points the distribution, from the smallest percentile
 */
record Curve(String system, String receive, String load, List<Point> points) {
    private static final int STEPS_PER_HALVING = 3;
    private static final double MICRO = 1e3;
    private static final double PERCENT = 100;

    /** Returns the points of a distribution. Its last percentile is 100. */
    static List<Point> points(final Histogram histogram) {
        final List<Point> points = new ArrayList<>();
        final double finest = PERCENT - PERCENT / Math.max(2, histogram.getTotalCount());
        for (final HistogramIterationValue value : histogram.percentiles(STEPS_PER_HALVING)) {
            if (value.getPercentileLevelIteratedTo() < finest) {
                points.add(new Point(value.getPercentileLevelIteratedTo(), value.getValueIteratedTo() / MICRO));
            }
        }
        points.add(new Point(finest, histogram.getValueAtPercentile(finest) / MICRO));
        points.add(new Point(PERCENT, histogram.getMaxValue() / MICRO));
        return points;
    }
}
