package io.ringbridge.api;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** Prints aligned columns: numbers to the right, everything else to the left. */
public final class Table {
    private final List<List<String>> rows = new ArrayList<>();

    /** Takes the column headings. */
    public Table(final String... head) {
        rows.add(List.of(head));
    }

    /** Adds a row with one cell per column. */
    public void row(final Object... cells) {
        final List<String> row = new ArrayList<>(cells.length);
        for (final Object cell : cells) {
            row.add(String.valueOf(cell));
        }
        rows.add(row);
    }

    /** Prints the table. */
    public void print(final PrintWriter out) {
        final int columns = rows.getFirst().size();
        final int[] widths = new int[columns];
        final boolean[] numbers = new boolean[columns];
        for (int c = 0; c < columns; c++) {
            numbers[c] = rows.size() > 1;
            for (int r = 0; r < rows.size(); r++) {
                final String cell = rows.get(r).get(c);
                widths[c] = Math.max(widths[c], cell.length());
                numbers[c] &= r == 0 || cell.matches("[\\d.,-]+[ %kMGTPE]?");
            }
        }
        for (final List<String> row : rows) {
            final StringBuilder line = new StringBuilder();
            for (int c = 0; c < columns; c++) {
                final int padding = widths[c] - row.get(c).length();
                line.repeat(' ', numbers[c] ? padding : 0).append(row.get(c))
                    .repeat(' ', (numbers[c] ? 0 : padding) + 2);
            }
            out.println(line.toString().stripTrailing());
        }
        out.flush();
    }
}
