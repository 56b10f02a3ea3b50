package io.ringbridge.bench.compare;

/** The distance of the two processors during a run, derived from the time a cache line took between them. */
enum Distance {
    /** Near during the whole run: at most twice the shortest time of any run. */
    NEAR("near"),
    /** Farther during the whole run, as processors without a shared cache are. */
    APART("apart"),
    /** The host moved the processors during the run, or no time was measured. Such a run does not count. */
    MOVED("moved");

    private static final double FACTOR = 2;

    private final String title;

    Distance(final String title) {
        this.title = title;
    }

    String title() {
        return title;
    }

    /** Returns the distance during a run, given the shortest time of any run. */
    static Distance of(final Measurement measurement, final double shortest) {
        final double limit = FACTOR * shortest;
        final boolean isMeasured = measurement.nearestNanos() <= measurement.farthestNanos();
        return isMeasured && measurement.farthestNanos() <= limit ? NEAR : isMeasured
            && measurement.nearestNanos() > limit ? APART : MOVED;
    }
}
