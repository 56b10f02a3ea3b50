package io.ringbridge.bench.docs;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** A document in Markdown, taken apart: code spans, lines of code blocks, prose, tables, links and headings. */
final class Document {
    private static final Pattern SPAN = Pattern.compile("`([^`]+)`");
    private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
    private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.*)$");

    private final Path root;
    private final Path file;
    private final List<Passage> blocks = new ArrayList<>();
    /** The text without code blocks, with the same number of lines. */
    private final String text;

    /**
     * A part of a document.
     *
     * @param document the document
     * @param line     the number of its first line
     * @param text     the text
     */
    record Passage(Document document, int line, String text) {
        /** Returns a message about a name in this passage. */
        String problem(final String name, final String reason) {
            return document + ":" + line + ": " + name + ": " + reason;
        }
    }

    private Document(final Path root, final Path file, final List<String> lines) {
        this.root = root;
        this.file = file;
        final StringBuilder rest = new StringBuilder();
        boolean fenced = false;
        for (int i = 0; i < lines.size(); i++) {
            final String line = lines.get(i);
            final boolean fence = line.startsWith("```");
            if (fence || fenced || line.startsWith("    ")) {
                fenced ^= fence;
                addBlock(i + 1, line);
                rest.append('\n');
            } else {
                rest.append(line).append('\n');
            }
        }
        text = rest.toString();
    }

    static Document read(final Path root, final Path file) {
        try {
            return new Document(root, file, Files.readAllLines(file));
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Adds a line of a code block. A line that ends in a backslash continues in the next. */
    private void addBlock(final int number, final String line) {
        final Passage last = blocks.isEmpty() ? null : blocks.getLast();
        if (last != null && last.text().endsWith("\\")) {
            blocks.set(blocks.size() - 1, new Passage(this, last.line(),
                last.text().substring(0, last.text().length() - 1) + line.strip()));
        } else if (!line.startsWith("```")) {
            blocks.add(new Passage(this, number, line));
        }
    }

    /** Returns the lines of code blocks. */
    List<Passage> blocks() {
        return blocks;
    }

    /** Returns the code spans. A span that continues on the next line has a space there. */
    List<Passage> spans() {
        return matches(SPAN, text).stream()
            .map(span -> new Passage(this, span.line(), span.text().replaceAll("\\s+", " ").replace("\\|", "|")))
            .toList();
    }

    /** Returns the lines of text, without code spans and the targets of links. */
    List<Passage> prose() {
        final String[] lines = blank(blank(text, SPAN), LINK).split("\n", -1);
        final List<Passage> prose = new ArrayList<>();
        for (int i = 0; i < lines.length; i++) {
            prose.add(new Passage(this, i + 1, lines[i]));
        }
        return prose;
    }

    /** Returns the targets of links. */
    List<Passage> links() {
        return matches(LINK, blank(text, SPAN));
    }

    /** Returns the code spans in the first column of tables with that word as the first column's heading. */
    List<Passage> firstColumn(final String heading) {
        final List<Passage> cells = new ArrayList<>();
        final String[] lines = text.split("\n", -1);
        boolean inside = false;
        for (int i = 0; i < lines.length; i++) {
            inside = lines[i].startsWith("| " + heading + " |") || inside && lines[i].startsWith("|");
            if (inside) {
                final Matcher span = SPAN.matcher(lines[i].split("(?<!\\\\)\\|", 3)[1]);
                while (span.find()) {
                    cells.add(new Passage(this, i + 1, span.group(1)));
                }
            }
        }
        return cells;
    }

    /** Returns the anchors of the headings, as hosts of repositories derive them. */
    Set<String> anchors() {
        return matches(HEADING, text).stream().map(heading -> heading.text()
            .replaceAll("\\[([^\\]]*)\\]\\([^)]*\\)", "$1").toLowerCase(Locale.ROOT)
            .replaceAll("[^\\w\\- ]", "").replace(' ', '-')).collect(Collectors.toSet());
    }

    /** Returns the path that a link in this document leads to. */
    Path resolve(final String target) {
        return target.isEmpty() ? file : file.resolveSibling(target).normalize();
    }

    private List<Passage> matches(final Pattern pattern, final String in) {
        final List<Passage> found = new ArrayList<>();
        final Matcher matcher = pattern.matcher(in);
        while (matcher.find()) {
            final int line = 1 + (int) in.substring(0, matcher.start()).chars().filter(c -> c == '\n').count();
            found.add(new Passage(this, line, matcher.group(1)));
        }
        return found;
    }

    /** Removes what matches, except its line ends. */
    private static String blank(final String in, final Pattern pattern) {
        return pattern.matcher(in).replaceAll(match -> ' ' + match.group().replaceAll("[^\n]", "") + ' ');
    }

    @Override
    public String toString() {
        return root.relativize(file).toString();
    }
}
