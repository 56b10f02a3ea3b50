package io.ringbridge.bench.compare;

/** What is done. */
enum Kind {
    /** Frames of a size go round between two guests. */
    FRAMES("frames", 1e6, "Mframes/s", "frames_per_second"),
    /** A guest sends another TCP packets that neither has cut. */
    TSO("TSO, guest to guest", 1e9, "Gbit/s", "bits_per_second"),
    /** A guest sends the kernel TCP packets through a tap, and has neither cut them. */
    TAP("TSO, guest to tap", 1e9, "Gbit/s", "bits_per_second");

    private final String title;
    private final double unit;
    private final String unitTitle;
    private final String key;

    Kind(final String title, final double unit, final String unitTitle, final String key) {
        this.title = title;
        this.unit = unit;
        this.unitTitle = unitTitle;
        this.key = key;
    }

    String title() {
        return title;
    }

    /** What rates are divided by for people. */
    double unit() {
        return unit;
    }

    String unitTitle() {
        return unitTitle;
    }

    /** What a rate is called in JSON. */
    String key() {
        return key;
    }
}
