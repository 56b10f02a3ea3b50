package io.ringbridge.bench.trial;

import java.util.List;

/** A trial that can be judged. */
public interface Judged {
    /** Returns the state of the machine during the trial. */
    Conditions conditions();

    /** Returns what disturbed the trial, for people; empty for a good trial. */
    default List<String> disturbances() {
        return conditions().disturbances();
    }
}
