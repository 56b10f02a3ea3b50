package io.ringbridge.app;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.LayoutBase;

import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;

/**
 * Formats a log line for people: {@code yyyy-MM-dd HH:mm:ss.SSS LEVEL message}, or only the message for the
 * {@link Journal}. Messages about a port start with its name.
 */
final class LogLine extends LayoutBase<ILoggingEvent> {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("uuuu-MM-dd HH:mm:ss.SSS");

    private final boolean toJournal;

    LogLine(final boolean toJournal) {
        this.toJournal = toJournal;
    }

    @Override
    public String doLayout(final ILoggingEvent event) {
        final StringBuilder line = new StringBuilder(128);
        if (!toJournal) {
            TIME.formatTo(LocalDateTime.ofInstant(event.getInstant(), ZoneId.systemDefault()), line);
            line.append(' ').append(event.getLevel());
            line.repeat(' ', Level.ERROR.toString().length() - event.getLevel().toString().length() + 1);
        }
        // A message may contain a guest's bytes, and a line break in them would forge a message.
        line.append(event.getFormattedMessage().replace('\n', ' ').replace('\r', ' '));
        final IThrowableProxy failure = event.getThrowableProxy();
        if (failure != null) {
            line.append(": ").append(failure.getClassName()).append(": ").append(failure.getMessage());
        }
        line.append('\n');
        if (hasTrace(event)) {
            line.append(ThrowableProxyUtil.asString(failure));
        }
        return toJournal ? Journal.prefixed(line.toString(), event.getLevel()) : line.toString();
    }

    /** Whether the stack trace of a failure belongs in the log. */
    static boolean hasTrace(final ILoggingEvent event) {
        return event.getThrowableProxy() != null
            && (event.getLevel() == Level.ERROR || event.getLevel() == Level.DEBUG);
    }
}
