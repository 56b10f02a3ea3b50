package io.ringbridge.control.event;

import java.util.Map;
import java.util.function.Consumer;

/** Reports the events of one port. Any thread may call, except workers. */
public final class PortEvents {
    private final Events events;
    private final String port;
    private final Consumer<Event> listener;

    PortEvents(final Events events, final String port, final Consumer<Event> listener) {
        this.events = events;
        this.port = port;
        this.listener = listener;
    }

    /**
     * Reports an event without details.
     *
     * @param text a sentence for people, without the name of the port
     */
    public void report(final EventKind kind, final String text) {
        report(kind, text, Map.of());
    }

    /**
     * Reports an event.
     *
     * @param text a sentence for people, without the name of the port
     * @param details as in {@link Event}
     */
    public void report(final EventKind kind, final String text, final Map<String, Object> details) {
        listener.accept(events.report(kind, port, text, details, null));
    }
}
