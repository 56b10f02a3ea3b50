package io.ringbridge.bench.latency;

import io.ringbridge.bench.load.Notified;
import io.ringbridge.bench.trial.Conditions;
import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;

/** The maxima that were measured: one for each state of the machine. */
final class Maxima {
    private final List<Maximum> all = new ArrayList<>();
    private final List<Maximum> ofThisTurn = new ArrayList<>();

    /** Starts a turn of a back-end, in which a maximum that was disturbed in an earlier turn is measured again. */
    void startTurn() {
        ofThisTurn.clear();
    }

    void add(final Maximum maximum) {
        all.add(maximum);
        ofThisTurn.add(maximum);
    }

    /**
     * Returns a maximum of a back-end for a way of receiving, or null if it is to be measured.
     *
     * @param now the conditions of the latest trial; null before the first
     */
    @Nullable Maximum find(final String system, final Notified notified, final @Nullable Conditions now) {
        return all.stream().filter(each -> each.system().equals(system) && each.notified() == notified)
            .filter(each -> each.isGood() ? now != null && each.isValidIn(now) : ofThisTurn.contains(each))
            .findFirst().orElse(null);
    }

    /** Returns the maxima of a back-end, good or disturbed. */
    List<Maximum> of(final String system) {
        return all.stream().filter(each -> each.system().equals(system)).toList();
    }
}
