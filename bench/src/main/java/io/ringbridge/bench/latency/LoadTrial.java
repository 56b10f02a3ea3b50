package io.ringbridge.bench.latency;

import io.ringbridge.bench.load.Outcome;
import io.ringbridge.bench.load.Trial;
import io.ringbridge.bench.trial.Conditions;
import io.ringbridge.bench.trial.Judged;
import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;

/**
 * A trial of a load.
 *
 * @param maximum the maximum of which the load is a share; null for a fixed rate
 */
record LoadTrial(Trial trial, @Nullable Maximum maximum) implements Judged {
    Outcome outcome() {
        return trial.outcome();
    }

    @Override
    public Conditions conditions() {
        return trial.conditions();
    }

    /** Whether the rate is fixed, or the load is really the share after which it is named. */
    boolean isAsNamed() {
        return maximum == null || maximum.isValidIn(conditions());
    }

    @Override
    public List<String> disturbances() {
        final List<String> found = new ArrayList<>(trial.disturbances());
        if (!isAsNamed()) {
            found.add("the maximum was measured in another state, or disturbed");
        }
        return found;
    }
}
