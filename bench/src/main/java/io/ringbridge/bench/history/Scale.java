package io.ringbridge.bench.history;

import io.ringbridge.bench.history.Panel.Axis;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A vertical axis: the place of each value between the bottom (0) and the top (1), and the values that have a label.
 *
 * @param logarithmic whether equal distances are equal ratios
 * @param bottom      the value at the bottom
 * @param top         the value at the top
 */
record Scale(boolean logarithmic, double bottom, double top) {
    /** The room above the largest value, for the names of the machines. */
    private static final double HEADROOM = 1.2;
    private static final int MOST_LABELS = 8;
    private static final int[] STEPS = {1, 2, 5, 10};

    /** Returns a scale that holds all values: from zero, or in whole powers of ten. */
    static Scale of(final Axis axis, final double... values) {
        final double most = Arrays.stream(values).max().orElseThrow() * HEADROOM;
        final double least = Arrays.stream(values).min().orElseThrow();
        return axis == Axis.LINEAR ? new Scale(false, 0, most)
            : new Scale(true, Math.pow(10, Math.floor(Math.log10(least))), Math.pow(10, Math.ceil(Math.log10(most))));
    }

    /** Returns the place of a value, 0 to 1. */
    double place(final double value) {
        return logarithmic ? Math.log10(value / bottom) / Math.log10(top / bottom) : (value - bottom) / (top - bottom);
    }

    /** Returns the values with a label, exactly as they are printed. */
    List<BigDecimal> labels() {
        final List<BigDecimal> labels = new ArrayList<>();
        if (logarithmic) {
            for (int power = (int) Math.rint(Math.log10(bottom)); power <= (int) Math.rint(Math.log10(top)); power++) {
                labels.add(BigDecimal.ONE.scaleByPowerOfTen(power));
            }
            return labels;
        }
        final BigDecimal step = step();
        for (BigDecimal value = BigDecimal.ZERO; value.doubleValue() <= top; value = value.add(step)) {
            labels.add(value);
        }
        return labels;
    }

    private BigDecimal step() {
        final int power = (int) Math.floor(Math.log10(top / MOST_LABELS));
        for (final int step : STEPS) {
            final BigDecimal candidate = BigDecimal.valueOf(step).scaleByPowerOfTen(power);
            if (candidate.doubleValue() * MOST_LABELS >= top) {
                return candidate;
            }
        }
        throw new IllegalStateException("no step for " + top);
    }
}
