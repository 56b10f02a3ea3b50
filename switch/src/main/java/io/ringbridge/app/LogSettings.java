package io.ringbridge.app;

import ch.qos.logback.classic.Level;
import io.ringbridge.api.LogControl;
import io.ringbridge.api.LogLevelsView;
import io.ringbridge.config.LogLevel;
import io.ringbridge.config.LogLevels;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.function.Supplier;

/** The levels of the log, for the API. Any thread may call. */
final class LogSettings implements LogControl {
    private static final Logger LOG = LoggerFactory.getLogger(LogSettings.class);

    private final Supplier<List<String>> ports;

    /** Takes the names of the present ports. */
    LogSettings(final Supplier<List<String>> ports) {
        this.ports = ports;
    }

    @Override
    public LogLevelsView levels() {
        final TreeMap<String, String> ofPorts = new TreeMap<>();
        Logging.portLevels().forEach((port, level) -> ofPorts.put(port, word(level)));
        return new LogLevelsView(word(Logging.level()), ofPorts);
    }

    @Override
    public synchronized LogLevelsView change(final String change) {
        final LogLevels wanted = LogLevels.parse("log levels", change, ports.get());
        wanted.level().ifPresent(level -> {
            Logging.level(level(level));
            LOG.info("log level {}", level.word());
        });
        wanted.ports().forEach((port, level) -> {
            Logging.level(port, level.map(LogSettings::level).orElse(null));
            LOG.info("port {}: log level {}", port, level.map(LogLevel::word).orElse("default"));
        });
        return levels();
    }

    private static Level level(final LogLevel level) {
        return Level.toLevel(level.name());
    }

    private static String word(final Level level) {
        return level.toString().toLowerCase(Locale.ROOT);
    }
}
