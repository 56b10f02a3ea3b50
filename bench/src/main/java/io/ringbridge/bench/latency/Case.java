package io.ringbridge.bench.latency;

import io.ringbridge.bench.load.Notified;

import java.util.Locale;

/**
 * A load of one back-end.
 *
 * @param system the name of the back-end
 * @param notified the way in which receiving guests detect frames
 * @param name the share of the maximum, or the rate
 */
record Case(String system, Notified notified, String name) {
    /** Returns {@code busy} or {@code interrupt}. */
    String receive() {
        return notified.key();
    }

    String title() {
        return system + ", " + receive() + ", " + name;
    }

    /**
     * Returns a part of a file name.
     *
     * @param withSystem whether it includes the back-end
     */
    String slug(final boolean withSystem) {
        return ((withSystem ? system + "-" : "") + receive() + "-" + name).toLowerCase(Locale.ROOT)
            .replace("%", "").replaceAll("[^a-z0-9.]+", "-");
    }
}
