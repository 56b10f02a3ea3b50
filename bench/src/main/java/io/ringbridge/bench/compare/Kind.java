package io.ringbridge.bench.compare;

/** The loads. */
enum Kind {
    /** Frames of one size circulate between two guests. */
    FRAMES("frames", 1e6, "Mframes/s", "frames_per_second"),
    /** A guest sends large TCP packets to another guest, and no one segments them. */
    TSO("TSO, guest to guest", 1e9, "Gbit/s", "bits_per_second"),
    /** A guest sends large TCP packets to the kernel through a tap, and no one segments them. */
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

    /** Returns the divisor that converts a rate to the unit of the table. */
    double unit() {
        return unit;
    }

    String unitTitle() {
        return unitTitle;
    }

    /** Returns the name of a rate in JSON. */
    String key() {
        return key;
    }
}
