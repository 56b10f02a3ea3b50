package io.ringbridge.config;

import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.nodes.CollectionNode;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;

import java.io.StringReader;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Edits the text of a configuration file in place: what is not edited keeps its comments, its order and its layout.
 * Edits are collected and applied together. Used by one thread.
 */
final class ConfigText {
    private final String text;
    private final @Nullable MappingNode root;
    private final List<Edit> edits = new ArrayList<>();

    /** The replacement of a part of the text. */
    private record Edit(int from, int to, String replacement) {
    }

    /** Reads a text that is valid as a configuration. */
    ConfigText(final String text) {
        this.text = text;
        root = (MappingNode) new Yaml(new LoaderOptions()).compose(new StringReader(text));
    }

    /** Whether the file has a key at the top. */
    boolean has(final String key) {
        return root != null && find(root, key).isPresent();
    }

    /** Sets a key at the top. A key that the file does not have comes before the others. */
    void set(final String key, final String value) {
        if (root == null) {
            insert(text.length(), lineBreak() + key + ": " + value + '\n');
            return;
        }
        find(root, key).ifPresentOrElse(present -> replace(present, value), () -> {
            if (isFlow(root)) {
                insert(start(root) + 1, quoted(key) + ": " + value + ", ");
            } else {
                insert(start(root), key + ": " + value + '\n');
            }
        });
    }

    /** Sets a key of an entry of a list. A key that the entry does not have comes after the others. */
    void set(final String list, final int entry, final String key, final String value) {
        final MappingNode mapping = (MappingNode) nodes(list).get(entry);
        find(mapping, key).ifPresentOrElse(present -> replace(present, value), () -> {
            final Node last = mapping.getValue().getLast().getValueNode();
            if (isFlow(mapping)) {
                insert(end(last), ", " + quoted(key) + ": " + value);
            } else {
                insertLine(last, mapping.getValue().getFirst().getKeyNode(), key + ": " + value);
            }
        });
    }

    /**
     * Removes entries of a list, with their own lines, and adds others after the last one.
     *
     * @param key the key of the list at the top
     * @param kept whether each entry of the file is kept
     */
    void list(final String key, final boolean[] kept, final List<Map<String, Object>> added) {
        final List<Node> nodes = nodes(key);
        final List<String> entries = added.stream().map(this::flow).toList();
        if (nodes.isEmpty()) {
            if (!entries.isEmpty()) {
                set(key, "[" + String.join(", ", entries) + "]");
            }
            return;
        }
        final SequenceNode list = (SequenceNode) find((MappingNode) root(), key).orElseThrow();
        if (isFlow(list)) {
            editFlow(list, kept, entries);
            return;
        }
        for (int i = 0; i < kept.length; i++) {
            if (!kept[i]) {
                edits.add(new Edit(lineStart(start(nodes.get(i))), lineEnd(end(nodes.get(i))), ""));
            }
        }
        entries.forEach(entry -> insertLine(nodes.getLast(), list, "- " + entry));
    }

    private void editFlow(final SequenceNode list, final boolean[] kept, final List<String> entries) {
        final List<Node> nodes = list.getValue();
        int last = kept.length - 1;
        while (last >= 0 && !kept[last]) {
            last--;
        }
        for (int i = 0; i < kept.length; i++) {
            final Node node = nodes.get(i);
            if (!kept[i] && i < last) {
                edits.add(new Edit(start(node), start(nodes.get(i + 1)), ""));
            } else if (!kept[i]) {
                edits.add(new Edit(i == 0 ? start(node) : end(nodes.get(i - 1)), end(node), ""));
            }
        }
        if (!entries.isEmpty()) {
            final String all = String.join(", ", entries);
            insert(last < 0 ? start(list) + 1 : end(nodes.get(last)), last < 0 ? all : ", " + all);
        }
    }

    /** Returns the text with all edits. */
    String edited() {
        final StringBuilder out = new StringBuilder();
        int at = 0;
        for (final Edit edit : edits.stream().sorted(Comparator.comparingInt(Edit::from).thenComparingInt(Edit::to))
            .toList()) {
            out.append(text, at, edit.from()).append(edit.replacement());
            at = edit.to();
        }
        return out.append(text.substring(at)).toString();
    }

    /** Returns a value in the syntax of the file. */
    String value(final @Nullable Object value) {
        return switch (value) {
            case null -> "null";
            case final List<?> list -> "[" + String.join(", ", list.stream().map(this::item).toList()) + "]";
            case final String word when isPlain(word) -> word;
            case final String word -> '"' + word.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
            default -> value.toString();
        };
    }

    /** Returns an item of a list: a number, a range of numbers, or a word. */
    private String item(final Object item) {
        return !isJson() && item.toString().matches("\\d+(-\\d+)?") ? item.toString() : value(item);
    }

    /** Whether a word needs no quotes. */
    private boolean isPlain(final String word) {
        return !isJson() && word.matches("/?[A-Za-z][A-Za-z0-9._/-]*")
            && !word.matches("(?i)true|false|null|yes|no|on|off|y|n");
    }

    private String flow(final Map<String, Object> entry) {
        final Map<String, String> words = new LinkedHashMap<>();
        entry.forEach((key, value) -> words.put(quoted(key), value(value)));
        return "{" + String.join(", ", words.entrySet().stream().map(word -> word.getKey() + ": " + word.getValue())
            .toList()) + "}";
    }

    private String quoted(final String key) {
        return isJson() ? '"' + key + '"' : key;
    }

    private boolean isJson() {
        return root != null && isFlow(root);
    }

    /** Inserts a line after that of a node. It starts in the column of another node. */
    private void insertLine(final Node after, final Node column, final String entry) {
        final int at = lineEnd(end(after));
        final String line = " ".repeat(column.getStartMark().getColumn()) + entry;
        insert(at, at > 0 && text.charAt(at - 1) == '\n' ? line + '\n' : '\n' + line);
    }

    private void insert(final int at, final String entry) {
        edits.add(new Edit(at, at, entry));
    }

    private void replace(final Node node, final String value) {
        final boolean nothing = start(node) == end(node);
        edits.add(new Edit(start(node), end(node), nothing ? ' ' + value : value));
    }

    private Node root() {
        if (root == null) {
            throw new IllegalStateException("the file has no keys");
        }
        return root;
    }

    private List<Node> nodes(final String key) {
        return root != null && find(root, key).orElse(null) instanceof final SequenceNode list ? list.getValue()
            : List.of();
    }

    private static Optional<Node> find(final MappingNode mapping, final String key) {
        return mapping.getValue().stream().filter(entry -> entry.getKeyNode() instanceof final ScalarNode scalar
            && scalar.getValue().equals(key)).map(NodeTuple::getValueNode).findFirst();
    }

    private static boolean isFlow(final CollectionNode<?> node) {
        return node.getFlowStyle() == org.yaml.snakeyaml.DumperOptions.FlowStyle.FLOW;
    }

    private int start(final Node node) {
        return text.offsetByCodePoints(0, node.getStartMark().getIndex());
    }

    /** Returns the end of a node's own text. The parser's end of a block is the start of what follows. */
    private int end(final Node node) {
        return switch (node) {
            case final MappingNode block when !isFlow(block) -> end(block.getValue().getLast().getValueNode());
            case final SequenceNode block when !isFlow(block) -> end(block.getValue().getLast());
            default -> text.offsetByCodePoints(0, node.getEndMark().getIndex());
        };
    }

    private int lineStart(final int at) {
        return text.lastIndexOf('\n', at - 1) + 1;
    }

    /** Returns the start of the next line. */
    private int lineEnd(final int at) {
        final int end = text.indexOf('\n', at);
        return end < 0 ? text.length() : end + 1;
    }

    private String lineBreak() {
        return text.isEmpty() || text.endsWith("\n") ? "" : "\n";
    }
}
