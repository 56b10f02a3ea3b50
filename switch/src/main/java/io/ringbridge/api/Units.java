package io.ringbridge.api;

import java.util.Locale;

/**
 * Formats counts for tables.
 *
 * @param exact whether to print all digits; otherwise, a count of seven digits or more is rounded to three digits and
 *     has a decimal unit, as in {@code 12.3M}
 */
public record Units(boolean exact) {
    /** The parameter of a query that selects exact counts. */
    static final String PARAMETER = "exact";
    private static final long MOST = 1_000_000;
    private static final double THOUSAND = 1000;
    private static final double TEN = 10;
    private static final double HUNDRED = 100;
    /** The units by ascending size; every count of 64 bits has one. */
    private static final String LETTERS = "kMGTPE";

    /** Returns the units that a request for a table selects. */
    static Units of(final ApiRequest request) {
        return new Units(request.query().bool(PARAMETER).orElse(false));
    }

    /** Returns a count. */
    public String count(final long number) {
        return exact || number < MOST ? Long.toString(number) : rounded(number);
    }

    /** Returns a count per second. */
    public String rate(final double perSecond) {
        return count(Math.round(perSecond));
    }

    private static String rounded(final long number) {
        double rest = number / THOUSAND;
        int unit = 0;
        while (rest >= THOUSAND - 0.5) {
            rest /= THOUSAND;
            unit++;
        }
        final int digits = rest < TEN - 0.005 ? 2 : rest < HUNDRED - 0.05 ? 1 : 0;
        return String.format(Locale.ROOT, "%." + digits + "f%c", rest, LETTERS.charAt(unit));
    }

    /** Returns a size of memory with a binary unit, exact if it is a multiple of that unit. */
    static String memory(final long bytes) {
        final String[] names = {"KiB", "MiB", "GiB", "TiB"};
        int unit = 0;
        double size = bytes / 1024.0;
        while (size >= 1024 && unit < names.length - 1) {
            size /= 1024;
            unit++;
        }
        return String.format(Locale.ROOT, size == Math.rint(size) ? "%.0f %s" : "%.1f %s", size, names[unit]);
    }
}
