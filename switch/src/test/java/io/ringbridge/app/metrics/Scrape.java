package io.ringbridge.app.metrics;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A reading in Prometheus' text format, version 0.0.4. */
public final class Scrape {
    private static final Pattern SAMPLE = Pattern.compile("([a-z_0-9]+)(?:\\{(.*)})? (\\S+)");
    private static final Pattern LABEL = Pattern.compile("([a-z_]+)=\"((?:[^\"\\\\]|\\\\.)*)\",?");

    /** The types by the names of the families. */
    public final Map<String, String> types = new TreeMap<>();
    public final Map<String, String> helps = new TreeMap<>();
    /** The names of the labels by the names of the samples. */
    public final Map<String, Set<String>> labels = new TreeMap<>();
    private final Map<String, Double> samples = new HashMap<>();

    public Scrape(final String text) {
        text.lines().forEach(this::add);
    }

    private void add(final String line) {
        if (line.startsWith("#")) {
            final String[] words = line.split(" ", 4);
            (words[1].equals("TYPE") ? types : helps).put(words[2], words[3]);
            return;
        }
        final Matcher sample = SAMPLE.matcher(line);
        assertTrue(sample.matches(), line);
        final Map<String, String> of = new TreeMap<>();
        if (sample.group(2) != null) {
            final Matcher label = LABEL.matcher(sample.group(2));
            while (label.find()) {
                of.put(label.group(1), label.group(2));
            }
        }
        labels.computeIfAbsent(sample.group(1), _ -> new TreeSet<>()).addAll(of.keySet());
        assertNull(samples.put(sample.group(1) + of, Double.valueOf(sample.group(3))), line + " is there twice");
    }

    /** Returns the value of a sample, whose labels are given as {@code name=value}. */
    public long value(final String name, final String... pairs) {
        final Map<String, String> of = new TreeMap<>();
        for (final String pair : pairs) {
            of.put(pair.split("=", 2)[0], pair.split("=", 2)[1]);
        }
        final Double value = samples.get(name + of);
        assertNotNull(value, name + of + " is missing");
        return value.longValue();
    }

    /** Asserts that no counter is below its value in an earlier reading. */
    public void assertNotBefore(final Scrape earlier) {
        earlier.samples.forEach((sample, value) -> {
            if (sample.startsWith("ringbridge") && sample.contains("_total")) {
                assertTrue(samples.get(sample) >= value, sample);
            }
        });
    }
}
