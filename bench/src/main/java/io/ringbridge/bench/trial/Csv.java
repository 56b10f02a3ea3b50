package io.ringbridge.bench.trial;

import io.ringbridge.bench.machine.BenchException;
import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** A table with a header, written as comma-separated values (RFC 4180). An unknown value is an empty cell. */
public final class Csv {
    private static final MathContext DIGITS = new MathContext(6);

    private final StringBuilder text = new StringBuilder();
    private final int columns;

    /** Takes the names of the columns. */
    public Csv(final List<String> header) {
        columns = header.size();
        line(header);
    }

    /** Returns the first values of a row, to which others can be added. */
    public static List<@Nullable Object> cells(final @Nullable Object... values) {
        return new ArrayList<@Nullable Object>(Arrays.asList(values));
    }

    /** Adds a row with one value per column. */
    public void row(final List<? extends @Nullable Object> values) {
        if (values.size() != columns) {
            throw new IllegalArgumentException(values.size() + " values; the header has " + columns);
        }
        line(values.stream().map(Csv::cell).toList());
    }

    private void line(final List<String> cells) {
        text.append(cells.stream().map(Csv::quoted).collect(Collectors.joining(","))).append('\n');
    }

    private static String cell(final @Nullable Object value) {
        if (value == null) {
            return "";
        }
        if (value instanceof final Double number) {
            return Double.isFinite(number) ? new BigDecimal(number, DIGITS).stripTrailingZeros().toPlainString() : "";
        }
        return value.toString();
    }

    private static String quoted(final String cell) {
        return Arrays.stream(new String[] {",", "\"", "\n"}).anyMatch(cell::contains)
            ? '"' + cell.replace("\"", "\"\"") + '"' : cell;
    }

    /** Returns the names of the columns of {@link #conditions}. */
    public static List<String> conditionColumns() {
        return List.of("line_ns", "line_least_ns", "line_most_ns", "clock_ghz", "operations_per_ns", "steal", "waited",
            "migrations", "compiling", "disturbances");
    }

    /** Returns a trial's conditions, one value per column. */
    public static List<@Nullable Object> conditions(final Conditions of, final List<String> disturbances) {
        final Spread line = of.lineNanos();
        final Spread clock = of.clockGhz();
        final Spread operations = of.operationsPerNano();
        return Arrays.asList(line == null ? null : line.median(), line == null ? null : line.least(),
            line == null ? null : line.most(), clock == null ? null : clock.median(),
            operations == null ? null : operations.median(), of.steal(), of.waited(), of.migrations(), of.compiling(),
            String.join("; ", disturbances));
    }

    /** Writes the table to a file. */
    public void write(final Path file) {
        try {
            Files.writeString(file, text);
        } catch (final IOException e) {
            throw new BenchException("--csv " + file + ": " + e.getMessage(), e);
        }
    }
}
