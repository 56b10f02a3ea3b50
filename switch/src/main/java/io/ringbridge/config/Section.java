package io.ringbridge.config;

import io.ringbridge.config.ConfigException.Fault;
import io.ringbridge.datapath.packet.MacAddress;
import org.jspecify.annotations.Nullable;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A mapping whose values are read by type. Errors name the file, the line and the key.
 *
 * @param source the name of the file, or the option that the text was given to
 * @param prefix the path of keys to this mapping, with a trailing dot; empty at the top
 */
public record Section(String source, String prefix, Node.Mapping mapping) {
    static final String SOCKET = "the path of a Unix socket";
    static final String PERMISSIONS = "an octal file mode from 0 to 0777, such as 0660";
    static final String MAC = "a unicast Ethernet address, such as 52:54:00:00:00:01";

    /** Checks that a node is a mapping with allowed keys only. */
    static Section of(final String source, final String path, final Node node, final List<String> allowed) {
        if (!(node instanceof final Node.Mapping mapping)) {
            throw new ConfigException(place(source, node.line()) + (path.isEmpty() ? "" : path + ": ") + node.what()
                + " is not a mapping; allowed keys: " + String.join(", ", allowed));
        }
        final Section section = unchecked(source, path, mapping);
        final String known = allowed.isEmpty() ? "none" : String.join(", ", allowed);
        mapping.values().keySet().stream().filter(key -> !allowed.contains(key)).findFirst().ifPresent(key -> {
            throw section.refused(key, "unknown key"
                + Spelling.nearest(key, allowed).map(near -> " (\"" + near + "\"?)").orElse("")
                + "; allowed: " + known, null, known);
        });
        return section;
    }

    /** Creates a section without checking its keys. */
    static Section unchecked(final String source, final String path, final Node.Mapping mapping) {
        return new Section(source, path.isEmpty() ? "" : path + ".", mapping);
    }

    private static String place(final String source, final int line) {
        return source + ": " + (line > 0 ? "line " + line + ": " : "");
    }

    /**
     * Parses an object of the API: a JSON object, or {@code key=value,...} with commas in values doubled.
     *
     * @param source the command or the request that the text was given to, for messages
     */
    public static Section parse(final String source, final String text, final List<String> allowed) {
        return of(source, "", NodeParser.parseObject(source, text, allowed), allowed);
    }

    /** Takes the parameters of a query. */
    public static Section ofParameters(final String source, final Map<String, String> parameters,
        final List<String> allowed) {
        final Map<String, Node> values = new LinkedHashMap<>();
        parameters.forEach((key, value) -> values.put(key, new Node.Scalar(0, value, Node.Kind.UNTYPED)));
        return of(source, "", new Node.Mapping(0, values, Map.of()), allowed);
    }

    /** Creates an error about a key that is present. */
    public ConfigException error(final String key, final String what) {
        return refused(key, what, mapping.values().get(key), null);
    }

    /** Creates an error about a value that is not what is needed. */
    ConfigException refused(final String key, final Node value, final String needed) {
        return refused(key, value.what() + " is not " + needed, value, needed);
    }

    /** Creates an error about a word that is not what is needed. */
    public ConfigException refused(final String key, final String word, final String needed) {
        return refused(key, new Node.Scalar(0, word, Node.Kind.TEXT), needed);
    }

    /**
     * Creates an error about a key that is present.
     *
     * @param value the value in error; null if there is none
     * @param allowed the allowed values; null if {@code what} alone explains the error
     */
    ConfigException refused(final String key, final String what, final @Nullable Node value,
        final @Nullable String allowed) {
        final Node node = mapping.values().get(key);
        final int line = mapping.keyLines().getOrDefault(key, node == null ? mapping.line() : node.line());
        return new ConfigException(place(source, line) + prefix + key + ": " + what, new Fault(prefix + key,
            value instanceof final Node.Scalar scalar ? scalar.text() : null, allowed));
    }

    /** Creates an error about a required key that is absent. */
    public ConfigException missing(final String key, final String needed) {
        return new ConfigException(place(source, mapping.line()) + prefix + key + ": missing; expected " + needed,
            new Fault(prefix + key, null, needed));
    }

    /** Returns the value of a key; a key without a value counts as absent. */
    Optional<Node> value(final String key) {
        return Optional.ofNullable(mapping.values().get(key))
            .filter(node -> !(node instanceof final Node.Scalar scalar && scalar.kind() == Node.Kind.NOTHING));
    }

    int lineOf(final String key) {
        return mapping.keyLines().getOrDefault(key, mapping.line());
    }

    Section section(final String key, final List<String> allowed) {
        final Node node = value(key).orElseGet(() -> new Node.Mapping(mapping.line(), Map.of(), Map.of()));
        return of(source, prefix + key, node, allowed);
    }

    List<Node> list(final String key, final String needed) {
        return value(key).map(node -> {
            if (node instanceof final Node.Sequence sequence) {
                return sequence.items();
            }
            throw refused(key, node, needed);
        }).orElse(List.of());
    }

    /** Returns a string that is not empty. */
    public Optional<String> text(final String key, final String needed) {
        return value(key).map(node -> {
            if (node instanceof final Node.Scalar scalar && scalar.isText() && !scalar.text().isEmpty()) {
                return scalar.text();
            }
            throw refused(key, node, needed);
        });
    }

    public Optional<Integer> integer(final String key, final int min, final int max) {
        return value(key).map(node -> {
            if (!(node instanceof final Node.Scalar scalar) || !scalar.isNumber()
                || !scalar.text().matches("[-+]?\\d+")) {
                throw refused(key, node, "a whole number from " + min + " to " + max);
            }
            try {
                final int number = Integer.parseInt(scalar.text());
                if (number >= min && number <= max) {
                    return number;
                }
            } catch (NumberFormatException _) {
                // The number is too large for any range.
            }
            throw refused(key, scalar.text() + " is out of range; " + min + " to " + max + " is allowed", node,
                min + " to " + max);
        });
    }

    public Optional<Boolean> bool(final String key) {
        return value(key).map(node -> {
            if (node instanceof final Node.Scalar scalar && scalar.kind() != Node.Kind.TEXT
                && scalar.text().matches("true|false")) {
                return Boolean.valueOf(scalar.text());
            }
            throw refused(key, node.what() + " is neither true nor false", node, "true or false");
        });
    }

    /** Returns a file mode in octal digits, which is a string in JSON and a number in YAML. */
    Optional<Integer> permissions(final String key) {
        return value(key).map(node -> {
            if (node instanceof final Node.Scalar scalar && scalar.text().matches("0?o?[0-7]{1,3}")) {
                return Integer.parseInt(scalar.text().replace("o", ""), 8);
            }
            throw refused(key, node, PERMISSIONS);
        });
    }

    /** Returns a unicast Ethernet address. */
    public Optional<String> mac(final String key) {
        return text(key, MAC).map(text -> {
            try {
                final long address = MacAddress.parse(text);
                if (address != 0 && !MacAddress.isGroup(address)) {
                    return MacAddress.format(address);
                }
            } catch (IllegalArgumentException _) {
                // The message below covers malformed addresses and group addresses.
            }
            throw refused(key, text, MAC);
        });
    }

    /** Returns the constant of an enum that the value names in lower case. */
    public <E extends Enum<E>> Optional<E> choice(final String key, final List<E> constants) {
        final String needed = constants.stream().map(Spelling::word).collect(Collectors.joining(" or "));
        return text(key, needed).map(text -> constants.stream()
            .filter(constant -> Spelling.word(constant).equals(text)).findFirst()
            .orElseThrow(() -> refused(key, text, needed)));
    }

    /** Returns the path of a Unix socket. */
    Optional<Path> socket(final String key) {
        return text(key, SOCKET).map(text -> {
            final int bytes = text.getBytes(StandardCharsets.UTF_8).length;
            if (bytes > PortLimits.MAX_PATH_BYTES) {
                throw error(key, "the path has " + bytes + " bytes; at most " + PortLimits.MAX_PATH_BYTES
                    + " are allowed for a Unix socket");
            }
            if (text.indexOf('\0') >= 0) {
                throw error(key, "the path contains a zero byte");
            }
            return Path.of(text);
        });
    }

    /** Returns processors, written as a list of numbers or as text such as {@code 1,3-5}. */
    Optional<List<Integer>> cpus(final String key) {
        return value(key).map(node -> {
            final List<Integer> cpus = new ArrayList<>();
            final List<Node> items = node instanceof final Node.Sequence sequence ? sequence.items() : List.of(node);
            for (final Node item : items) {
                if (!(item instanceof final Node.Scalar scalar) || !CpuList.addTo(cpus, scalar.text())) {
                    throw refused(key, item, CpuList.NEEDED);
                }
            }
            return List.copyOf(cpus);
        });
    }
}
