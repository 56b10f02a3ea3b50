package io.ringbridge.config;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.reader.ReaderException;

import java.util.regex.Pattern;

/** Locates and describes the error in a text that is not valid YAML or JSON. */
final class YamlProblem {
    /** A position in the parser's words. The text of a request has no name. */
    private static final Pattern SOURCE = Pattern.compile("\\[Source: [^;]*; line: (\\d+), column: (\\d+)]");

    private YamlProblem() {
    }

    /**
     * Returns the position of an error, for a message. The parser's own position is that of the last token before the
     * error, which is often one line too early.
     *
     * @return {@code : line 3, column 1}, or an empty string if the position is unknown
     */
    static String place(final JsonProcessingException failure, final String text) {
        return switch (failure.getCause()) {
            case final MarkedYAMLException yaml when mark(yaml) != null ->
                at(mark(yaml).getLine() + 1, mark(yaml).getColumn() + 1);
            case final ReaderException reader -> at(text, reader.getPosition());
            case null, default -> {
                final JsonLocation at = failure.getLocation();
                yield at == null ? "" : at(at.getLineNr(), at.getColumnNr());
            }
        };
    }

    /** Returns the description of an error, in one line. */
    static String description(final JsonProcessingException failure) {
        final String what = SOURCE.matcher(firstLines(failure.getOriginalMessage())).replaceAll("line $1, column $2");
        return failure.getCause() instanceof final MarkedYAMLException yaml && isUnclosed(yaml)
            ? what + " on line " + (yaml.getProblemMark().getLine() + 1) : what;
    }

    /** Returns the start of an unterminated construct, or else the position of the unexpected text. */
    private static Mark mark(final MarkedYAMLException yaml) {
        final boolean unended = yaml.getProblem() != null && yaml.getProblem().contains("stream")
            && yaml.getContextMark() != null;
        return unended || isUnclosed(yaml) ? yaml.getContextMark() : yaml.getProblemMark();
    }

    /**
     * Whether a bracket is not closed on its line. The parser reads the following lines as its contents, and finds the
     * error there.
     */
    private static boolean isUnclosed(final MarkedYAMLException yaml) {
        return yaml.getProblem() != null && yaml.getProblem().startsWith("expected ','")
            && yaml.getContextMark() != null && yaml.getProblemMark() != null
            && yaml.getProblemMark().getLine() > yaml.getContextMark().getLine();
    }

    private static String at(final String text, final int position) {
        final String before = text.substring(0, Math.clamp(position, 0, text.length()));
        return at((int) before.chars().filter(c -> c == '\n').count() + 1, before.length() - before.lastIndexOf('\n'));
    }

    private static String at(final int line, final int column) {
        return ": line " + line + ", column " + column;
    }

    /**
     * Returns the unindented lines of a library's message, which describe the problem. The indented lines quote the
     * text.
     */
    private static String firstLines(final String message) {
        final StringBuilder out = new StringBuilder();
        for (final String part : message.split("\n", -1)) {
            final boolean isQuote = part.isBlank() || part.startsWith(" ") || part.startsWith("in ");
            if (!isQuote) {
                out.append(out.isEmpty() ? "" : ", ").append(part.strip());
            }
        }
        return out.toString();
    }
}
