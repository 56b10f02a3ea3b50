package io.ringbridge.control.event;

import org.jspecify.annotations.Nullable;

import java.time.Instant;
import java.util.Collections;
import java.util.Map;
import java.util.TreeMap;

/**
 * An event in the life of a port or of the switch.
 *
 * @param id grows from event to event, also over upgrades and restarts
 * @param port the name of the port; null for an event of the whole switch
 * @param text a sentence for people, without the name of the port
 * @param details the facts of the sentence for programs, by name; the values are what JSON can express
 */
public record Event(long id, Instant time, EventKind kind, @Nullable String port, String text,
                    Map<String, Object> details) {
    /** Copies the details. */
    public Event {
        details = Collections.unmodifiableMap(new TreeMap<>(details));
    }

    /** Returns an event that stands for those that a subscriber has lost. */
    static Event lost(final long lastId, final long count) {
        return new Event(lastId, Instant.now(), EventKind.LOST, null, "lost " + count + " events",
            Map.of("count", count));
    }
}
