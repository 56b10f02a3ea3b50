package io.ringbridge.bench.compare;

/** The loads. */
enum Kind {
    /** Frames of one size circulate between two guests. */
    FRAMES("frames", 1e6, "million frames/s", "frames", "frames/s"),
    /** A guest sends large TCP packets to another guest, and no one segments them. */
    TSO("TSO, guest to guest", 1e9, "Gbit/s", "tso", "bit/s"),
    /** A guest sends large TCP packets to the kernel through a tap, and no one segments them. */
    TAP("TSO, guest to tap", 1e9, "Gbit/s", "tap", "bit/s");

    private final String title;
    private final double unit;
    private final String unitTitle;
    private final String key;
    private final String baseUnit;

    Kind(final String title, final double unit, final String unitTitle, final String key, final String baseUnit) {
        this.title = title;
        this.unit = unit;
        this.unitTitle = unitTitle;
        this.key = key;
        this.baseUnit = baseUnit;
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

    /** Returns the name in JSON and CSV. */
    String key() {
        return key;
    }

    /** Returns the unit of a rate in JSON and CSV. */
    String baseUnit() {
        return baseUnit;
    }
}
