package io.ringbridge.api;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Describes changes in text for people, one line per change. */
final class Changes {
    private Changes() {
    }

    /** Describes the changes of a port. */
    static String of(final Map<String, KeyChange> keys) {
        final List<String> lines = new ArrayList<>();
        add(lines, "", keys);
        return lines.isEmpty() ? "unchanged" : String.join("\n", lines);
    }

    /** Describes a reload. */
    static String of(final ReloadView reload) {
        final List<String> lines = new ArrayList<>();
        add(lines, "", reload.settings());
        reload.added().forEach(port -> lines.add("port " + port + ": added"));
        reload.removed().forEach(port -> lines.add("port " + port + ": removed"));
        reload.recreated().forEach((port, keys) -> {
            lines.add("port " + port + (reload.applied() ? ": removed and added again"
                : ": to be removed and added again, with --recreate only"));
            keys.forEach((key, change) -> lines.add("  " + key + ": " + change.values()));
        });
        reload.changed().forEach((port, keys) -> add(lines, "port " + port + ": ", keys));
        list(lines, "unchanged", reload.unchanged());
        list(lines, "not in the file, kept", reload.kept());
        final MirrorChanges mirrors = reload.mirrors();
        mirrors.added().forEach(mirror -> lines.add("mirror " + mirror + ": added"));
        mirrors.removed().forEach(mirror -> lines.add("mirror " + mirror + ": removed"));
        mirrors.changed().forEach(mirror -> lines.add("mirror " + mirror + ": changed"));
        list(lines, "unchanged mirrors", mirrors.unchanged());
        list(lines, "mirrors not in the file, kept", mirrors.kept());
        return String.join("\n", lines);
    }

    private static void add(final List<String> lines, final String prefix, final Map<String, KeyChange> keys) {
        keys.forEach((key, change) -> lines.add(prefix + key + ": " + change));
    }

    private static void list(final List<String> lines, final String what, final List<String> ports) {
        if (!ports.isEmpty()) {
            lines.add(what + ": " + String.join(", ", ports));
        }
    }
}
