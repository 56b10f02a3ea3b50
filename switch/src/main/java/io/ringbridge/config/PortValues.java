package io.ringbridge.config;

import io.ringbridge.config.Rule.Given;

import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;

/**
 * The values of a port's keys: those that the user gave, and the defaults of the others.
 *
 * @param entries without the keys that have neither a value nor a default
 */
record PortValues(Map<PortKey, Given> entries) {
    /**
     * Collects the values of a port. A default does not apply if the port's earlier values exclude its key.
     *
     * @param given returns the value that the user gave, if any
     */
    static PortValues of(final PortKind kind, final Function<PortKey, Optional<Given>> given) {
        final Map<PortKey, Given> entries = new EnumMap<>(PortKey.class);
        final PortValues values = new PortValues(Collections.unmodifiableMap(entries));
        for (final PortKey key : PortKey.of(kind)) {
            given.apply(key).or(() -> key.refusal(values).isEmpty() ? key.fallback() : Optional.empty())
                .ifPresent(value -> entries.put(key, value));
        }
        return values;
    }

    boolean has(final PortKey key) {
        return entries.containsKey(key);
    }

    <T> Optional<T> find(final PortKey key, final Class<T> type) {
        return Optional.ofNullable(entries.get(key)).map(Given::value).map(type::cast);
    }

    /** Returns the value of a key that has a default or is required. */
    <T> T get(final PortKey key, final Class<T> type) {
        return find(key, type).orElseThrow();
    }

    boolean isOn(final PortKey key) {
        return get(key, Boolean.class);
    }

    /** Returns a value in the form of {@code show config}; empty if the key does not apply or has no value. */
    Optional<Object> shown(final PortKey key) {
        return Optional.ofNullable(entries.get(key)).map(Given::shown);
    }

    /** Returns the values that {@code show config} shows, by their keys. */
    Map<String, Object> shown() {
        final Map<String, Object> shown = new LinkedHashMap<>();
        entries.forEach((key, value) -> {
            if (key.isShown(value)) {
                shown.put(key.word(), value.shown());
            }
        });
        return shown;
    }

    /** Returns the keys whose values differ from those of another port, in order. */
    List<PortKey> differences(final PortValues other) {
        return Stream.of(PortKey.values()).filter(key -> !shown(key).equals(other.shown(key))).toList();
    }

    /** Returns a copy with another value of a key. */
    PortValues with(final PortKey key, final Given value) {
        final Map<PortKey, Given> copy = new EnumMap<>(entries);
        copy.put(key, value);
        return new PortValues(Collections.unmodifiableMap(copy));
    }
}
