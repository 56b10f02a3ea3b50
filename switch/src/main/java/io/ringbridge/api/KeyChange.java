package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

/**
 * The change of a key of the configuration.
 *
 * @param from the value before; absent if there was none
 * @param to the value now; absent if there is none
 * @param effective when the value takes effect: {@code now} or {@code at the next negotiation}
 */
public record KeyChange(@Nullable Object from, @Nullable Object to, String effective) {
    /** Returns the change in words, without the key. */
    @Override
    public String toString() {
        return values() + ", " + effective;
    }

    /** Returns both values in words. */
    String values() {
        return text(from) + " -> " + text(to);
    }

    private static String text(final @Nullable Object value) {
        return value == null ? "none" : value.toString();
    }
}
