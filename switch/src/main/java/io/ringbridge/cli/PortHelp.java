package io.ringbridge.cli;

import io.ringbridge.config.PortKey;
import io.ringbridge.config.PortKind;

import java.util.ArrayList;
import java.util.List;

/** The help of {@code --port} and {@code port add}: the keys of ports, from the table {@link PortKey}. */
final class PortHelp {
    /** The column of the help's second half. */
    private static final int COLUMN = 34;

    private PortHelp() {
    }

    /** Returns the lines, none of which is longer than a terminal of 80 columns. */
    static List<String> lines() {
        final List<String> lines = new ArrayList<>(List.of(
            "SPEC is KEY=VALUE,... in which commas in values are doubled. Keys that are not",
            "marked as required are optional.",
            "",
            "All types of ports:"));
        PortKey.of(PortKind.VHOST_USER).stream().filter(PortKey::isCommon).map(PortHelp::line).forEach(lines::add);
        for (final PortKind kind : PortKind.values()) {
            lines.add("");
            lines.add("type=" + kind.word() + ", " + kind.help() + ":");
            PortKey.of(kind).stream().filter(key -> !key.isCommon()).map(PortHelp::line).forEach(lines::add);
        }
        return lines;
    }

    private static String line(final PortKey key) {
        final String start = "  " + key.word() + "=" + key.syntax();
        return start + " ".repeat(Math.max(1, COLUMN - start.length())) + key.help()
            + (key.isRequired() ? "; required" : key.hasDefault() ? "; default " + key.otherwise() : "");
    }
}
