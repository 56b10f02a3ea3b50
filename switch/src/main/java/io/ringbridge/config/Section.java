package io.ringbridge.config;

import io.ringbridge.datapath.bridge.MacAddress;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Keys with values, and where they were written: takes typed values out, and refuses what is wrong with file, line and key.
 *
 * @param source the file's name, or the option the text was given to
 * @param prefix the keys that lead here, with a dot at its end; empty at the top
 */
record Section(String source, String prefix, Node.Mapping mapping) {
    /** Takes a node that has to be keys with values. */
    static Section of(final String source, final String path, final Node node, final List<String> allowed) {
        if (!(node instanceof final Node.Mapping mapping)) {
            throw new ConfigException(place(source, node.line()) + (path.isEmpty() ? "" : path + ": ") + node.what()
                + " where keys with values are needed; allowed keys: " + String.join(", ", allowed));
        }
        final Section section = unchecked(source, path, mapping);
        mapping.values().keySet().stream().filter(key -> !allowed.contains(key)).findFirst().ifPresent(key -> {
            throw section.error(key, "unknown key" + Spelling.nearest(key, allowed).map(near -> " (\"" + near + "\"?)").orElse("")
                + "; allowed: " + String.join(", ", allowed));
        });
        return section;
    }

    /** Makes a section whose keys are not checked yet. */
    static Section unchecked(final String source, final String path, final Node.Mapping mapping) {
        return new Section(source, path.isEmpty() ? "" : path + ".", mapping);
    }

    private static String place(final String source, final int line) {
        return source + ": " + (line > 0 ? "line " + line + ": " : "");
    }

    /** An error about a key that was given. */
    ConfigException error(final String key, final String what) {
        final Node node = mapping.values().get(key);
        final int line = mapping.keyLines().getOrDefault(key, node == null ? mapping.line() : node.line());
        return new ConfigException(place(source, line) + prefix + key + ": " + what);
    }

    /** An error about a key that is needed and not there. */
    ConfigException missing(final String key, final String needed) {
        return new ConfigException(place(source, mapping.line()) + prefix + key + ": missing; needed is " + needed);
    }

    /** A value that was written; a key without a value is as good as none. */
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
            throw error(key, node.what() + " is not " + needed);
        }).orElse(List.of());
    }

    /** A string, whatever is in it. */
    Optional<String> text(final String key, final String needed) {
        return value(key).map(node -> {
            if (node instanceof final Node.Scalar scalar && scalar.isText() && !scalar.text().isEmpty()) {
                return scalar.text();
            }
            throw error(key, node.what() + " is not " + needed);
        });
    }

    Optional<Integer> integer(final String key, final int min, final int max) {
        return value(key).map(node -> {
            if (!(node instanceof final Node.Scalar scalar) || !scalar.isNumber()
                || !scalar.text().matches("[-+]?\\d+")) {
                throw error(key, node.what() + " is not a whole number, " + min + " to " + max);
            }
            try {
                final int number = Integer.parseInt(scalar.text());
                if (number >= min && number <= max) {
                    return number;
                }
            } catch (NumberFormatException _) {
                // It is out of range whatever the range is.
            }
            throw error(key, scalar.text() + " is out of range; " + min + " to " + max + " is allowed");
        });
    }

    Optional<Boolean> bool(final String key) {
        return value(key).map(node -> {
            if (node instanceof final Node.Scalar scalar && scalar.kind() != Node.Kind.TEXT && scalar.text().matches("true|false")) {
                return Boolean.valueOf(scalar.text());
            }
            throw error(key, node.what() + " is not true or false");
        });
    }

    /** Access rights, in octal digits; JSON has them as a string, YAML as a number. */
    Optional<Integer> permissions(final String key) {
        return value(key).map(node -> {
            if (node instanceof final Node.Scalar scalar && scalar.text().matches("0?o?[0-7]{1,3}")) {
                return Integer.parseInt(scalar.text().replace("o", ""), 8);
            }
            throw error(key, node.what() + " is not the octal access rights of a socket, 0 to 0777, such as 0660");
        });
    }

    /** The address of a single station. */
    Optional<String> mac(final String key) {
        final String needed = "the Ethernet address of one station, such as 52:54:00:00:00:01";
        return text(key, needed).map(text -> {
            try {
                final long address = MacAddress.parse(text);
                if (address != 0 && !MacAddress.isGroup(address)) {
                    return MacAddress.format(address);
                }
            } catch (IllegalArgumentException _) {
                // The same message as for a group of stations.
            }
            throw error(key, '"' + text + "\" is not " + needed);
        });
    }

    /** One of an enum's constants, in small letters. */
    <E extends Enum<E>> Optional<E> choice(final String key, final Class<E> type) {
        final List<E> constants = Arrays.asList(type.getEnumConstants());
        final String needed = constants.stream().map(Spelling::word).collect(Collectors.joining(" or "));
        return text(key, needed).map(text -> constants.stream().filter(constant -> Spelling.word(constant).equals(text)).findFirst()
            .orElseThrow(() -> error(key, '"' + text + "\" is not " + needed)));
    }

    /** The path of a Unix socket. */
    Optional<Path> socket(final String key) {
        return text(key, "the path of a Unix socket").map(text -> {
            final int bytes = text.getBytes(StandardCharsets.UTF_8).length;
            if (bytes > PortLimits.MAX_PATH_BYTES) {
                throw error(key, "a path of " + bytes + " bytes; a Unix socket's may have " + PortLimits.MAX_PATH_BYTES);
            }
            if (text.indexOf('\0') >= 0) {
                throw error(key, "a path with a zero byte in it");
            }
            return Path.of(text);
        });
    }

    /** Processors, as a list of numbers or as text such as {@code 1,3-5}. */
    Optional<List<Integer>> cpus(final String key) {
        return value(key).map(node -> {
            final List<Integer> cpus = new ArrayList<>();
            final List<Node> items = node instanceof final Node.Sequence sequence ? sequence.items() : List.of(node);
            for (final Node item : items) {
                if (!(item instanceof final Node.Scalar scalar) || !CpuList.addTo(cpus, scalar.text())) {
                    throw error(key, item.what() + " is not " + CpuList.NEEDED);
                }
            }
            return List.copyOf(cpus);
        });
    }
}
