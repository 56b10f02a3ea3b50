package io.ringbridge.bench.compare;

import io.ringbridge.bench.trial.Conditions;
import io.ringbridge.bench.trial.Judged;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The result of one trial.
 *
 * @param rate        frames per second, both directions together; bits per second for bulk loads
 * @param lastToFirst the ratio of the rate at the end of the trial to the rate at its start; lost frames of a closed
 * loop lower it, and a system that is still warming up raises it
 * @param conditions  the state of the machine during the trial
 * @param circulating frames in the loop when it was stopped
 * @param lost        frames that were sent and never received
 */
record Measurement(double rate, double lastToFirst, Conditions conditions, long circulating, long lost)
    implements Judged {
    private static final double STEADY = 1.15;

    @Override
    public List<String> disturbances() {
        final List<String> found = new ArrayList<>(conditions.disturbances());
        if (lastToFirst > STEADY || lastToFirst < 1 / STEADY) {
            found.add(String.format(Locale.ROOT, "not steady: the last quarter was %.2f times as fast as the first",
                lastToFirst));
        }
        return found;
    }

    boolean isGood() {
        return disturbances().isEmpty();
    }

    /** Returns a progress line for the console. */
    String text(final Kind kind) {
        final List<String> disturbances = disturbances();
        return String.format(Locale.ROOT, "%.2f %s, %s, %d circulating, %d lost%s", rate / kind.unit(),
            kind.unitTitle(), conditions.text(), circulating, lost,
            disturbances.isEmpty() ? "" : "; disturbed: " + String.join(", ", disturbances));
    }
}
