package io.ringbridge.bench.docs;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Names in the documents that other projects define: {@code foreign-names.txt}, grouped by origin. An entry that ends
 * in {@code *} stands for everything that begins with it.
 */
final class ForeignNames {
    private final List<String> all;
    private final Set<String> used = new HashSet<>();

    ForeignNames() {
        try (InputStream in = ForeignNames.class.getResourceAsStream("foreign-names.txt")) {
            all = new String(in.readAllBytes(), StandardCharsets.UTF_8).lines()
                .filter(line -> !line.isBlank() && !line.startsWith("#")).toList();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    boolean contains(final String name) {
        boolean found = false;
        for (final String entry : all) {
            if (entry.endsWith("*") ? name.startsWith(entry.substring(0, entry.length() - 1)) : name.equals(entry)) {
                used.add(entry);
                found = true;
            }
        }
        return found;
    }

    /** Returns the entries that no call of {@link #contains} has found. */
    Set<String> unused() {
        final Set<String> unused = new TreeSet<>(all);
        unused.removeAll(used);
        return unused;
    }
}
