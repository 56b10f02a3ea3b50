package io.ringbridge.config;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Parses YAML or JSON into nodes with line numbers. */
final class NodeParser {
    /** No sensible configuration is nested deeper; a hostile one would overflow the stack. */
    private static final int MAX_DEPTH = 16;

    private final String source;
    private final JsonParser parser;

    private NodeParser(final String source, final JsonParser parser) {
        this.source = source;
        this.parser = parser;
    }

    /** Parses a YAML document. An empty document is an empty mapping. */
    static Node parse(final String source, final String text) {
        return parse(source, "YAML", text, new YAMLFactory());
    }

    /**
     * Parses a JSON object strictly, or pairs in the form {@code key=value,...} with commas in values doubled.
     *
     * @param allowed the keys, for messages
     */
    static Node parseObject(final String source, final String text, final List<String> allowed) {
        return text.stripLeading().matches("(?s)[{\\[].*") ? parse(source, "JSON", text, new JsonFactory())
            : pairs(source, text, String.join(", ", allowed));
    }

    private static Node pairs(final String source, final String spec, final String allowed) {
        final Map<String, Node> values = new LinkedHashMap<>();
        String before = null;
        for (final String part : spec.split("(?<!,),(?!,)", -1)) {
            final String[] pair = part.replace(",,", ",").split("=", 2);
            if (pair.length != 2) {
                throw new ConfigException(source + ": \"" + part + "\" is not key=value; "
                    + (before == null || part.isBlank() ? "allowed keys: " + allowed
                        : "if it is part of " + before + ", double the comma before it: ,," + part));
            }
            before = pair[0].strip();
            if (values.put(pair[0].strip(), new Node.Scalar(0, pair[1].strip(), Node.Kind.UNTYPED)) != null) {
                throw new ConfigException(source + ": " + pair[0].strip() + ": given twice");
            }
        }
        return new Node.Mapping(0, values, Map.of());
    }

    private static Node parse(final String source, final String language, final String text,
        final JsonFactory factory) {
        try (JsonParser parser = factory.createParser(text)) {
            final NodeParser walk = new NodeParser(source, parser);
            if (parser.nextToken() == null) {
                return new Node.Mapping(1, Map.of(), Map.of());
            }
            final Node root = walk.node(0);
            if (parser.nextToken() != null) {
                throw walk.error("a second " + (factory instanceof YAMLFactory ? "document" : "value")
                    + " starts here; only one is allowed");
            }
            return root;
        } catch (final JsonProcessingException e) {
            throw new ConfigException(source + YamlProblem.place(e, text) + ": invalid " + language + ": "
                + YamlProblem.description(e));
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Node node(final int depth) throws IOException {
        final int line = line();
        if (depth > MAX_DEPTH) {
            throw error("nested more than " + MAX_DEPTH + " levels deep");
        }
        if (parser instanceof final YAMLParser yaml && yaml.isCurrentAlias()) {
            throw error("aliases are not allowed");
        }
        return switch (parser.currentToken()) {
            case START_OBJECT -> mapping(line, depth);
            case START_ARRAY -> {
                final List<Node> items = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    items.add(node(depth + 1));
                }
                yield new Node.Sequence(line, items);
            }
            case VALUE_NULL -> new Node.Scalar(line, "", Node.Kind.NOTHING);
            case VALUE_STRING -> new Node.Scalar(line, parser.getText(), Node.Kind.TEXT);
            case VALUE_TRUE, VALUE_FALSE -> new Node.Scalar(line, parser.getText(), Node.Kind.BOOLEAN);
            default -> new Node.Scalar(line, parser.getText(), Node.Kind.NUMBER);
        };
    }

    private Node mapping(final int line, final int depth) throws IOException {
        final Map<String, Node> values = new LinkedHashMap<>();
        final Map<String, Integer> lines = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            final String key = parser.currentName();
            final Integer earlier = lines.putIfAbsent(key, line());
            if (earlier != null) {
                throw error(key + ": given twice; first on line " + earlier);
            }
            parser.nextToken();
            values.put(key, node(depth + 1));
        }
        return new Node.Mapping(line, values, lines);
    }

    private ConfigException error(final String what) {
        return new ConfigException(source + ": line " + line() + ": " + what);
    }

    private int line() {
        return parser.currentTokenLocation().getLineNr();
    }
}
