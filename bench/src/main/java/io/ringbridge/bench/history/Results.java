package io.ringbridge.bench.history;

import io.ringbridge.bench.machine.BenchException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * The recorded results: the CSV files of a directory, read whole.
 *
 * @param files the rows of each file, by the file's name; a row maps the name of a column to its value
 */
record Results(Map<String, List<Map<String, String>>> files) {
    /** Reads all CSV files of a directory. */
    static Results read(final Path directory) {
        try (Stream<Path> listed = Files.list(directory)) {
            final Map<String, List<Map<String, String>>> files = new LinkedHashMap<>();
            for (final Path file : listed.filter(path -> path.toString().endsWith(".csv")).sorted().toList()) {
                files.put(file.getFileName().toString(), rows(file));
            }
            if (files.isEmpty()) {
                throw new BenchException(directory + " has no CSV file");
            }
            return new Results(files);
        } catch (final IOException e) {
            throw new BenchException("cannot read the results in " + directory + ": " + e.getMessage(), e);
        }
    }

    private static List<Map<String, String>> rows(final Path file) throws IOException {
        final List<String> lines = Files.readAllLines(file);
        final List<String> columns = cells(lines.getFirst());
        final List<Map<String, String>> rows = new ArrayList<>();
        for (int i = 1; i < lines.size(); i++) {
            final List<String> cells = cells(lines.get(i));
            if (cells.size() != columns.size()) {
                throw new BenchException(file + ":" + (i + 1) + ": " + cells.size() + " values; the header has "
                    + columns.size());
            }
            final Map<String, String> row = new LinkedHashMap<>();
            for (int column = 0; column < cells.size(); column++) {
                row.put(columns.get(column), cells.get(column));
            }
            rows.add(row);
        }
        return rows;
    }

    /** Splits a line at its commas. A value in double quotes may contain commas. */
    static List<String> cells(final String line) {
        final List<String> cells = new ArrayList<>();
        final StringBuilder cell = new StringBuilder();
        boolean quoted = false;
        for (int i = 0; i < line.length(); i++) {
            final char c = line.charAt(i);
            if (c == '"') {
                quoted = !quoted;
            } else if (c == ',' && !quoted) {
                cells.add(cell.toString());
                cell.setLength(0);
            } else {
                cell.append(c);
            }
        }
        cells.add(cell.toString());
        return cells;
    }

    /** Returns the rows of a file. */
    List<Map<String, String>> rows(final String file) {
        final List<Map<String, String>> rows = files.get(file);
        if (rows == null) {
            throw new BenchException("no results in " + file + "; there are: " + String.join(", ", files.keySet()));
        }
        return rows;
    }

    /** Returns the value of a column. */
    static String cell(final Map<String, String> row, final String column) {
        final String value = row.get(column);
        if (value == null) {
            throw new BenchException("no column " + column + "; there are: " + String.join(", ", row.keySet()));
        }
        return value;
    }

    /** Returns the numbers in a value: none, one, the least and the most of a range, or several. */
    static double[] numbers(final String value) {
        return value.isBlank() ? new double[0]
            : Stream.of(value.split("[- ]")).mapToDouble(Double::parseDouble).toArray();
    }
}
