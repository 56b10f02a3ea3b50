package io.ringbridge.bench.compare;

/** How far the two processors were from each other during a run, as seen in how long a cache line took between them. */
enum Distance {
    /** As near as ever: at most twice the shortest time seen. */
    NEAR("near"),
    /** Farther all the time, as when they share no cache. */
    APART("apart"),
    /** They were moved during the run, or it was never seen: the run says nothing. */
    MOVED("moved");

    private static final double FACTOR = 2;

    private final String title;

    Distance(final String title) {
        this.title = title;
    }

    String title() {
        return title;
    }

    /** That of a run, given the shortest time seen in any. */
    static Distance of(final Measurement measurement, final double shortest) {
        final double limit = FACTOR * shortest;
        final boolean seen = measurement.nearestNanos() <= measurement.farthestNanos();
        return seen && measurement.farthestNanos() <= limit ? NEAR : seen && measurement.nearestNanos() > limit ? APART : MOVED;
    }
}
