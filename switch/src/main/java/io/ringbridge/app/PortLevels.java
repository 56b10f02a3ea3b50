package io.ringbridge.app;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.turbo.TurboFilter;
import ch.qos.logback.core.spi.FilterReply;
import org.jspecify.annotations.Nullable;
import org.slf4j.Marker;

import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Log levels of single ports, which override the general level for messages about these ports. A message is about a
 * port if it starts with {@value #PREFIX}. Any thread may call.
 */
final class PortLevels extends TurboFilter {
    private static final String PREFIX = "port {}: ";

    private final Map<String, Level> levels = new ConcurrentHashMap<>();

    /** Returns the name of the port that a message is about, or null. */
    static @Nullable String port(final @Nullable String message, final @Nullable Object @Nullable [] arguments) {
        return message != null && message.startsWith(PREFIX) && arguments != null && arguments.length > 0
            ? String.valueOf(arguments[0]) : null;
    }

    @Override
    public FilterReply decide(final @Nullable Marker marker, final Logger logger, final Level level,
                              final @Nullable String format, final @Nullable Object @Nullable [] arguments,
                              final @Nullable Throwable failure) {
        final Level ofPort = levels.isEmpty() ? null : of(port(format, arguments));
        return ofPort == null ? FilterReply.NEUTRAL
            : level.isGreaterOrEqual(ofPort) ? FilterReply.ACCEPT : FilterReply.DENY;
    }

    private @Nullable Level of(final @Nullable String port) {
        return port == null ? null : levels.get(port);
    }

    /** Whether a port has the level debug. */
    boolean isVerbose(final String port) {
        return Level.DEBUG.equals(levels.get(port));
    }

    /** Sets the level of a port; null ends its exception from the general level. */
    void set(final String port, final @Nullable Level level) {
        if (level == null) {
            levels.remove(port);
        } else {
            levels.put(port, level);
        }
    }

    /** Returns the levels by the names of the ports. */
    SortedMap<String, Level> all() {
        return new TreeMap<>(levels);
    }
}
