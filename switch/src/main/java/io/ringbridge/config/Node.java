package io.ringbridge.config;

import java.util.List;
import java.util.Map;

/** A configuration as it was written, with the line of each part; line 0 where there are no lines. */
sealed interface Node {
    int line();

    /** What this is, for messages. */
    String what();

    /** What kind of value a scalar was written as. */
    enum Kind { NOTHING, TEXT, NUMBER, BOOLEAN, UNTYPED }

    /** One value. */
    record Scalar(int line, String text, Kind kind) implements Node {
        @Override
        public String what() {
            return kind == Kind.NOTHING ? "nothing" : kind == Kind.NUMBER || kind == Kind.BOOLEAN ? text : '"' + text + '"';
        }

        boolean isText() {
            return kind == Kind.TEXT || kind == Kind.UNTYPED;
        }

        boolean isNumber() {
            return kind == Kind.NUMBER || kind == Kind.UNTYPED;
        }
    }

    /** Values in order. */
    record Sequence(int line, List<Node> items) implements Node {
        @Override
        public String what() {
            return "a list";
        }
    }

    /** Keys with values; {@code keyLines} says where each key is. */
    record Mapping(int line, Map<String, Node> values, Map<String, Integer> keyLines) implements Node {
        @Override
        public String what() {
            return "keys with values";
        }
    }
}
