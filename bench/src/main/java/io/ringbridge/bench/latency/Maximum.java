package io.ringbridge.bench.latency;

import io.ringbridge.bench.load.Notified;
import io.ringbridge.bench.load.Observer;
import io.ringbridge.bench.load.Trial;
import io.ringbridge.bench.trial.Conditions;
import io.ringbridge.bench.trial.Judged;

import java.util.List;

/**
 * The rate of a back-end at saturation, in one state of the machine.
 *
 * @param system the name of the back-end
 * @param notified the way in which receiving guests detect frames
 * @param conditions those of the last trial
 * @param disturbances what disturbed the last trial; empty for a good one
 */
record Maximum(String system, Notified notified, double framesPerSecond, Conditions conditions,
    List<String> disturbances) implements Judged {
    /** Takes the rate of the last trial, or the median of all if the last one was disturbed. */
    static Maximum of(final String system, final Notified notified, final List<Trial> trials) {
        final Trial last = trials.getLast();
        return new Maximum(system, notified, last.disturbances().isEmpty() ? last.outcome().receivedPerSecond()
            : Observer.received(trials).median(), last.conditions(), last.disturbances());
    }

    boolean isGood() {
        return disturbances.isEmpty();
    }

    /** Whether shares of this maximum are valid in a state of the machine. */
    boolean isValidIn(final Conditions state) {
        return isGood() && conditions.isNear(state);
    }
}
