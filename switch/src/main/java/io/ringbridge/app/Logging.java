package io.ringbridge.app;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.classic.spi.ConfiguratorRank;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.LayoutWrappingEncoder;
import ch.qos.logback.core.joran.spi.ConsoleTarget;
import ch.qos.logback.core.spi.ContextAwareBase;
import org.slf4j.LoggerFactory;

/**
 * Configures logging: one line per message, on standard error. Logback finds this class as a service, so it neither
 * searches for configuration files nor parses XML.
 */
@ConfiguratorRank(ConfiguratorRank.CUSTOM_HIGH_PRIORITY)
public final class Logging extends ContextAwareBase implements Configurator {
    @Override
    public ExecutionStatus configure(final LoggerContext context) {
        final LogLine line = new LogLine();
        line.setContext(context);
        line.start();
        final LayoutWrappingEncoder<ILoggingEvent> encoder = new LayoutWrappingEncoder<>();
        encoder.setContext(context);
        encoder.setLayout(line);
        final ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
        appender.setContext(context);
        appender.setTarget(ConsoleTarget.SystemErr.getName());
        appender.setEncoder(encoder);
        final LogLimit limit = new LogLimit();
        limit.start();
        appender.addFilter(limit);
        appender.start();
        final Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        root.setLevel(Level.INFO);
        root.addAppender(appender);
        context.getLogger("org.eclipse.jetty").setLevel(Level.WARN);
        context.getLogger("org.pcap4j").setLevel(Level.WARN);
        return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
    }

    /** Enables this project's debug messages and stack traces. No message is suppressed afterwards. */
    public static void verbose() {
        level("io.ringbridge", Level.DEBUG);
    }

    /** Restricts the log to warnings and errors, for commands that print a result. */
    public static void quiet() {
        level("io.ringbridge", Level.WARN);
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
            level("io.ringbridge", Level.INFO);
        }
    }

    /** Whether debug messages are enabled. */
    public static boolean isVerbose() {
        return LoggerFactory.getLogger("io.ringbridge").isDebugEnabled();
    }

    private static void level(final String logger, final Level level) {
        if (LoggerFactory.getLogger(logger) instanceof final Logger logback) {
            logback.setLevel(level);
        }
    }
}
