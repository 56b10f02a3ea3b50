package io.ringbridge.app;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.LayoutBase;

import java.time.LocalTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;

/** Formats a log line: {@code HH:mm:ss.SSS LEVEL message}. Messages about a port start with its name. */
final class LogLine extends LayoutBase<ILoggingEvent> {
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss.SSS");

    @Override
    public String doLayout(final ILoggingEvent event) {
        final StringBuilder line = new StringBuilder(128);
        TIME.formatTo(LocalTime.ofInstant(event.getInstant(), ZoneId.systemDefault()), line);
        line.append(' ').append(event.getLevel());
        line.repeat(' ', Level.ERROR.toString().length() - event.getLevel().toString().length() + 1);
        // A message may contain a guest's bytes, and a line break in them would forge a message.
        line.append(event.getFormattedMessage().replace('\n', ' ').replace('\r', ' '));
        final IThrowableProxy failure = event.getThrowableProxy();
        if (failure != null) {
            line.append(": ").append(failure.getClassName()).append(": ").append(failure.getMessage());
        }
        line.append('\n');
        if (failure != null && (event.getLevel() == Level.ERROR || event.getLevel() == Level.DEBUG)) {
            line.append(ThrowableProxyUtil.asString(failure));
        }
        return line.toString();
    }
}
