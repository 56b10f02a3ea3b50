package io.ringbridge.app;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ConfiguratorRank;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.Layout;
import ch.qos.logback.core.encoder.LayoutWrappingEncoder;
import ch.qos.logback.core.joran.spi.ConsoleTarget;
import ch.qos.logback.core.spi.ContextAwareBase;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

import java.util.Map;

/**
 * Configures logging: one line per message, on standard error. Logback finds this class as a service, so it neither
 * searches for configuration files nor parses XML.
 */
@ConfiguratorRank(ConfiguratorRank.CUSTOM_HIGH_PRIORITY)
public final class Logging extends ContextAwareBase implements Configurator {
    private static final String PROJECT = "io.ringbridge";
    private static final PortLevels PORTS = new PortLevels();
    private static final LayoutWrappingEncoder<ILoggingEvent> ENCODER = new LayoutWrappingEncoder<>();

    @Override
    public ExecutionStatus configure(final LoggerContext context) {
        ENCODER.setContext(context);
        ENCODER.setLayout(layout(LogFormat.TEXT, context));
        final ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
        appender.setContext(context);
        appender.setTarget(ConsoleTarget.SystemErr.getName());
        appender.setEncoder(ENCODER);
        final LogLimit limit = new LogLimit();
        limit.start();
        appender.addFilter(limit);
        appender.start();
        context.addTurboFilter(PORTS);
        final Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        root.setLevel(Level.INFO);
        root.addAppender(appender);
        context.getLogger("org.eclipse.jetty").setLevel(Level.WARN);
        context.getLogger("org.pcap4j").setLevel(Level.WARN);
        return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
    }

    private static Layout<ILoggingEvent> layout(final LogFormat format, final LoggerContext context) {
        final boolean toJournal = Journal.isStandardError();
        final Layout<ILoggingEvent> layout = switch (format) {
            case TEXT -> new LogLine(toJournal);
            case JSON -> new JsonLine(toJournal);
        };
        layout.setContext(context);
        layout.start();
        return layout;
    }

    /** Chooses the format of the following lines, before other threads log. */
    public static void format(final LogFormat format) {
        if (LoggerFactory.getILoggerFactory() instanceof final LoggerContext context) {
            ENCODER.setLayout(layout(format, context));
        }
    }

    /** Enables this project's debug messages and stack traces. No message is suppressed afterwards. */
    public static void verbose() {
        level(Level.DEBUG);
    }

    /** Restricts the log to warnings and errors, for commands that print a result. */
    public static void quiet() {
        level(Level.WARN);
    }

    /** Runs an action and logs only its warnings and errors, unless debug messages are enabled. */
    public static void quietly(final Runnable action) {
        if (isVerbose()) {
            action.run();
            return;
        }
        quiet();
        try {
            action.run();
        } finally {
            level(Level.INFO);
        }
    }

    /** Whether debug messages are enabled. */
    public static boolean isVerbose() {
        return LoggerFactory.getLogger(PROJECT).isDebugEnabled();
    }

    /** Whether the debug messages about a port are enabled. */
    static boolean isVerbose(final String port) {
        return PORTS.isVerbose(port) || isVerbose();
    }

    /** Sets the level of this project's messages. */
    static void level(final Level level) {
        if (LoggerFactory.getLogger(PROJECT) instanceof final Logger logback) {
            logback.setLevel(level);
        }
    }

    /** Returns the level of this project's messages. */
    static Level level() {
        return LoggerFactory.getLogger(PROJECT) instanceof final Logger logback ? logback.getEffectiveLevel()
            : Level.INFO;
    }

    /** Sets the level of the messages about a port; null stands for the general level. */
    static void level(final String port, final @Nullable Level level) {
        PORTS.set(port, level);
    }

    /** Returns the levels of ports that differ from the general level, by name. */
    static Map<String, Level> portLevels() {
        return PORTS.all();
    }
}
