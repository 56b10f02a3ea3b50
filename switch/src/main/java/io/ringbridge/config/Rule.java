package io.ringbridge.config;

import java.util.Optional;

/**
 * The type of a key's value and the rule that the value obeys.
 *
 * @param <T> the type of the value
 */
interface Rule<T> {
    /**
     * Reads the value of a key.
     *
     * @return empty if the key is absent
     * @throws ConfigException if the value breaks the rule
     */
    Optional<T> read(Section section, String key);

    /** Returns a value as {@code show config} shows it, in a form that {@link #read} accepts. */
    default Object show(final T value) {
        return value;
    }

    /** Returns the allowed values, for messages and for the documentation. */
    String allowed();

    /** Returns a pattern of the allowed values, for the help. */
    String syntax();

    /** Whether the value is free text, which may need quotes in YAML. */
    default boolean isFreeText() {
        return false;
    }

    /** Returns the value of a key that has a default. */
    default Value<T> or(final T fallback) {
        return or(fallback, String.valueOf(show(fallback)));
    }

    /** Returns the value of a key that has a default, which the documentation states as {@code otherwise}. */
    default Value<T> or(final T fallback, final String otherwise) {
        return new Value<>(this, Optional.of(new Given(fallback, show(fallback))), otherwise);
    }

    /** Returns the value of a key that must be given. */
    default Value<T> required() {
        return new Value<>(this, Optional.empty(), Value.REQUIRED);
    }

    /**
     * Returns the value of a key that has no default.
     *
     * @param otherwise the meaning of an absent key, for the documentation
     */
    default Value<T> optional(final String otherwise) {
        return new Value<>(this, Optional.empty(), otherwise);
    }

    /**
     * A value and the form in which it is shown.
     *
     * @param value has the type of the rule
     */
    record Given(Object value, Object shown) {
        static Given of(final Object value) {
            return new Given(value, value);
        }
    }

    /**
     * The value of a key.
     *
     * @param otherwise the default, as the documentation states it
     */
    record Value<T>(Rule<T> rule, Optional<Given> fallback, String otherwise) {
        private static final String REQUIRED = "required";

        boolean isRequired() {
            return REQUIRED.equals(otherwise);
        }

        Optional<Given> read(final Section section, final String key) {
            return rule.read(section, key).map(value -> new Given(value, rule.show(value)));
        }
    }
}
