package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

import java.util.Map;

/**
 * An event in the life of a port or of the switch.
 *
 * @param id grows from event to event
 * @param time the time, as {@code 2026-11-30T03:05:00.123Z}
 * @param kind such as {@code attached}
 * @param port absent for an event of the whole switch
 * @param text a sentence for people, without the name of the port
 * @param details the facts of the sentence, by name
 */
public record EventView(long id, String time, String kind, @Nullable String port, String text,
                        Map<String, Object> details) {
}
