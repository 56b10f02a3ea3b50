package io.ringbridge.config;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.reader.ReaderException;

/** Locates the error in a text that is not valid YAML or JSON. */
final class YamlProblem {
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

    /** Returns the start of an unterminated construct, or else the position of the unexpected text. */
    private static Mark mark(final MarkedYAMLException yaml) {
        final boolean unended = yaml.getProblem() != null && yaml.getProblem().contains("stream")
            && yaml.getContextMark() != null;
        return unended ? yaml.getContextMark() : yaml.getProblemMark();
    }

    private static String at(final String text, final int position) {
        final String before = text.substring(0, Math.clamp(position, 0, text.length()));
        return at((int) before.chars().filter(c -> c == '\n').count() + 1, before.length() - before.lastIndexOf('\n'));
    }

    private static String at(final int line, final int column) {
        return ": line " + line + ", column " + column;
    }
}
