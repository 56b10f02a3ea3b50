package io.ringbridge.config;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A change of log levels.
 *
 * @param level the general level; empty if it stays
 * @param ports the levels of ports by name, for those that change; empty for the general level
 */
public record LogLevels(Optional<LogLevel> level, Map<String, Optional<LogLevel>> ports) {
    private static final String LEVEL = "level";
    private static final String PORTS = "ports";

    /**
     * Parses a JSON object such as {@code {"level": "info", "ports": {"vm1": "debug", "vm2": null}}}.
     *
     * @param source the request, for messages
     * @param names the ports that there are
     * @throws ConfigException if the object is malformed, or names another port
     */
    public static LogLevels parse(final String source, final String json, final List<String> names) {
        final Section top = Section.parse(source, json, List.of(LEVEL, PORTS));
        final Section ports = top.section(PORTS, names);
        final Map<String, Optional<LogLevel>> levels = new LinkedHashMap<>();
        ports.mapping().values().keySet().forEach(name -> levels.put(name, level(ports, name)));
        return new LogLevels(level(top, LEVEL), levels);
    }

    private static Optional<LogLevel> level(final Section section, final String key) {
        return section.choice(key, List.of(LogLevel.values()));
    }
}
