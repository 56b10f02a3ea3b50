package io.ringbridge.app;

import io.ringbridge.api.KeyChange;
import io.ringbridge.config.PortKey;
import io.ringbridge.config.PortKey.Adoption;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The change of a key.
 *
 * @param key the key
 * @param from the value before; empty if the key had none
 * @param to the value now; empty if the key has none
 * @param adoption when the port adopts the value
 */
record ChangedKey(PortKey key, Optional<Object> from, Optional<Object> to, Adoption adoption) {
    /** Returns the change as the API shows it. */
    KeyChange view() {
        return new KeyChange(from.orElse(null), to.orElse(null), adoption.when());
    }

    /** Returns changes by their keys, as the API shows them. */
    static Map<String, KeyChange> views(final List<ChangedKey> changes) {
        final Map<String, KeyChange> views = new LinkedHashMap<>();
        changes.forEach(change -> views.put(change.key.word(), change.view()));
        return views;
    }

    @Override
    public String toString() {
        return key.word() + " " + view();
    }
}
