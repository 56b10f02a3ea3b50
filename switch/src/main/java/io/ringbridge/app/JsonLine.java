package io.ringbridge.app;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.LayoutBase;
import io.ringbridge.api.Json;
import io.ringbridge.control.event.Event;
import org.jspecify.annotations.Nullable;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Formats a log line as a JSON object: {@code time}, {@code level} and {@code message}; {@code port} if the message is
 * about a port; {@code event}, {@code id} and {@code details} if it reports an {@link Event}; {@code error} and
 * {@code trace} of a failure.
 */
final class JsonLine extends LayoutBase<ILoggingEvent> {
    private final boolean toJournal;

    JsonLine(final boolean toJournal) {
        this.toJournal = toJournal;
    }

    @Override
    public String doLayout(final ILoggingEvent logged) {
        final Map<String, Object> line = new LinkedHashMap<>();
        line.put("time", logged.getInstant().toString());
        line.put("level", logged.getLevel().toString().toLowerCase(Locale.ROOT));
        line.put("message", logged.getFormattedMessage());
        final String port = PortLevels.port(logged.getMessage(), logged.getArgumentArray());
        if (port != null) {
            line.put("port", port);
        }
        event(logged).ifPresent(event -> {
            line.put("event", event.kind().label());
            line.put("id", event.id());
            line.put("details", event.details());
        });
        final IThrowableProxy failure = logged.getThrowableProxy();
        if (failure != null) {
            line.put("error", failure.getClassName() + ": " + failure.getMessage());
        }
        if (LogLine.hasTrace(logged)) {
            line.put("trace", ThrowableProxyUtil.asString(failure));
        }
        final String text = Json.write(line) + '\n';
        return toJournal ? Journal.prefixed(text, logged.getLevel()) : text;
    }

    /** Returns the event that a line reports. */
    static Optional<Event> event(final ILoggingEvent logged) {
        final @Nullable Object @Nullable [] arguments = logged.getArgumentArray();
        return arguments == null ? Optional.empty()
            : Stream.of(arguments).filter(Event.class::isInstance).map(Event.class::cast).findFirst();
    }
}
