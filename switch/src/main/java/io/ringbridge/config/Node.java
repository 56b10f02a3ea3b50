package io.ringbridge.config;

import java.util.List;
import java.util.Map;

/** A parsed but unchecked configuration with the line of each part; the line is 0 if the source has no lines. */
public sealed interface Node {
    int line();

    /** Returns a description for messages. */
    String what();

    /** The type of a scalar in the source; {@code UNTYPED} if its syntax has no types. */
    enum Kind { NOTHING, TEXT, NUMBER, BOOLEAN, UNTYPED }

    /** A single value. */
    record Scalar(int line, String text, Kind kind) implements Node {
        @Override
        public String what() {
            return kind == Kind.NOTHING ? "nothing"
                : kind == Kind.NUMBER || kind == Kind.BOOLEAN ? text : '"' + text + '"';
        }

        boolean isText() {
            return kind == Kind.TEXT || kind == Kind.UNTYPED;
        }

        boolean isNumber() {
            return kind == Kind.NUMBER || kind == Kind.UNTYPED;
        }
    }

    /** A list of values. */
    record Sequence(int line, List<Node> items) implements Node {
        @Override
        public String what() {
            return "a list";
        }
    }

    /** Keys with values; {@code keyLines} has the line of each key. */
    record Mapping(int line, Map<String, Node> values, Map<String, Integer> keyLines) implements Node {
        @Override
        public String what() {
            return "a mapping";
        }
    }
}
