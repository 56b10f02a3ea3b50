package io.ringbridge.bench.trial;

import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The state of the machine during a trial, in the processors that the trial used.
 *
 * @param lineNanos the round trip of a cache line between the two processors, in nanoseconds; null with one processor,
 * or if it could not be measured
 * @param clockGhz the clock of the slower processor; null if it was not measured
 * @param operationsPerNano simple operations that the slower processor completed per nanosecond; null if not measured
 * @param steal the share of the time in which the host ran something else instead of a processor, of the processor that
 * lost more
 * @param waited the share of the time in which a busy thread waited for a processor, of the thread that waited longest
 * @param migrations changes of the processor of busy threads
 * @param compiling the share of the time in which this process compiled code
 */
public record Conditions(@Nullable Spread lineNanos, @Nullable Spread clockGhz, @Nullable Spread operationsPerNano,
    double steal, double waited, long migrations, double compiling) {
    private static final double LINE_RATIO = 1.5;
    private static final double CLOCK_RATIO = 1.1;
    private static final double OPERATIONS_RATIO = 1.25;
    private static final double MAX_STEAL_DIFFERENCE = 0.05;
    private static final double MOVED_RATIO = 2;
    private static final double MAX_STEAL = 0.01;
    private static final double MAX_WAITED = 0.05;
    private static final double MAX_COMPILING = 0.1;
    private static final double PERCENT = 100;

    /** Returns what disturbed the trial, for people; empty for a good trial. */
    public List<String> disturbances() {
        final List<String> found = new ArrayList<>();
        if (steal > MAX_STEAL) {
            found.add(share("steal", steal));
        }
        if (waited > MAX_WAITED) {
            found.add(share("waited for a processor", waited));
        }
        if (migrations > 0) {
            found.add(migrations + (migrations == 1 ? " migration" : " migrations"));
        }
        if (compiling > MAX_COMPILING) {
            found.add(share("compiling", compiling));
        }
        if (hasMoved()) {
            found.add("the host moved the processors");
        }
        // A single sample of the clock may be wrong, so that the extremes prove nothing.
        if (clockGhz != null && clockGhz.upper() / clockGhz.lower() > CLOCK_RATIO) {
            found.add("the clock changed");
        }
        return found;
    }

    /** Whether the distance of the processors changed during the trial, so that the trial belongs to no state. */
    public boolean hasMoved() {
        return lineNanos != null && lineNanos.most() / lineNanos.least() > MOVED_RATIO;
    }

    /**
     * Whether two trials were made in the same state: their round trips, clocks, operations and steal differ little,
     * and the processors moved in neither.
     */
    public boolean isNear(final Conditions other) {
        return !hasMoved() && !other.hasMoved()
            && areClose(lineNanos, other.lineNanos, LINE_RATIO)
            && areClose(clockGhz, other.clockGhz, CLOCK_RATIO)
            && areClose(operationsPerNano, other.operationsPerNano, OPERATIONS_RATIO)
            && Math.abs(steal - other.steal) <= MAX_STEAL_DIFFERENCE;
    }

    private static boolean areClose(final @Nullable Spread one, final @Nullable Spread other, final double ratio) {
        if (one == null || other == null) {
            return one == null && other == null;
        }
        return Math.max(one.median(), other.median()) <= ratio * Math.min(one.median(), other.median());
    }

    private static String share(final String what, final double share) {
        return String.format(Locale.ROOT, "%s %.1f %%", what, PERCENT * share);
    }

    /** Returns a description for a progress line. */
    public String text() {
        return String.format(Locale.ROOT, "line %s ns, clock %s GHz, steal %.1f %%, waited %.1f %%",
            lineNanos == null ? "-" : lineNanos.text(0), clockGhz == null ? "-" : clockGhz.text(2), PERCENT * steal,
            PERCENT * waited);
    }
}
