package io.ringbridge.bench.trial;

import org.jspecify.annotations.Nullable;

import java.util.Arrays;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.DoubleStream;

/**
 * The distribution of the results of several trials. Quartiles are interpolated between the two nearest values.
 *
 * @param count the number of values
 * @param least the smallest value
 * @param lower the first quartile
 * @param upper the third quartile
 * @param most the largest value
 */
public record Spread(int count, double least, double lower, double median, double upper, double most) {
    private static final double LOWER = 0.25;
    private static final double MIDDLE = 0.5;
    private static final double UPPER = 0.75;

    /**
     * Summarizes values, and ignores those that are not finite.
     *
     * @return null if no value is finite
     */
    public static @Nullable Spread of(final double... values) {
        final double[] sorted = Arrays.stream(values).filter(Double::isFinite).sorted().toArray();
        return sorted.length == 0 ? null : new Spread(sorted.length, sorted[0], quantile(sorted, LOWER),
            quantile(sorted, MIDDLE), quantile(sorted, UPPER), sorted[sorted.length - 1]);
    }

    /**
     * Summarizes a value of each item.
     *
     * @return null if no value is finite
     */
    public static <T> @Nullable Spread of(final Iterable<T> items, final ToDoubleFunction<? super T> value) {
        final DoubleStream.Builder values = DoubleStream.builder();
        items.forEach(item -> values.add(value.applyAsDouble(item)));
        return of(values.build().toArray());
    }

    private static double quantile(final double[] sorted, final double share) {
        final double at = share * (sorted.length - 1);
        final int below = (int) at;
        final int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
    }

    /** Returns the same distribution in another unit. */
    public Spread dividedBy(final double unit) {
        return new Spread(count, least / unit, lower / unit, median / unit, upper / unit, most / unit);
    }

    /** Formats the median, and the quartiles if there are several values: {@code 18.20 (17.90-18.60)}. */
    public String text(final int digits) {
        final String number = "%." + digits + "f";
        return count == 1 ? String.format(Locale.ROOT, number, median)
            : String.format(Locale.ROOT, number + " (" + number + "-" + number + ")", median, lower, upper);
    }
}
