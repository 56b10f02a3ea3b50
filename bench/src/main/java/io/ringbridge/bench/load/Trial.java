package io.ringbridge.bench.load;

import io.ringbridge.bench.trial.Conditions;
import io.ringbridge.bench.trial.Judged;

import java.util.ArrayList;
import java.util.List;

/**
 * A trial, and the state of the machine during it.
 *
 * @param time when the trial began (UTC)
 * @param isWarm whether the rate had stopped rising before the trial
 */
public record Trial(String time, Outcome outcome, Conditions conditions, boolean isWarm) implements Judged {
    @Override
    public List<String> disturbances() {
        final List<String> found = new ArrayList<>(conditions.disturbances());
        if (!isWarm) {
            found.add("the rate still rose at the end of the warm-up");
        }
        return found;
    }
}
