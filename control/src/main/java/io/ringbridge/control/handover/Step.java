package io.ringbridge.control.handover;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * The kinds of records, in the order in which they are sent. The new process may send {@link #REFUSED} in place of any
 * record of its own. {@link HandOverSections} has the sections of each.
 */
public enum Step {
    /** To the old process: the new one has warmed up. */
    READY(0),
    /** To the new process: the list of ports. */
    SWITCH(1),
    /** To the new process, once per port: the state that does not change while the port's link is paused. */
    PORT(2),
    /** To the new process: the forwarding table. */
    STATIONS(3),
    /** To the old process: the state so far is valid, and only the positions are missing. */
    PREPARED(4),
    /** To the new process, once nothing moves: ring positions, counters, and the stations learned in the meantime. */
    POSITIONS(5),
    /** To the old process: the state is complete and valid. */
    TAKEN(6),
    /** To the new process: it owns the ports from now on. */
    GO(7),
    /** To the old process: frames move again. */
    SERVING(8),
    /**
     * To the old process: the reason for a refusal. The old process resumes if this arrives before TAKEN, but cannot
     * after GO.
     */
    REFUSED(9);

    private final int number;

    Step(final int number) {
        this.number = number;
    }

    /** Returns the number of this kind in the header of a message. No other kind may have it in a later version. */
    public int number() {
        return number;
    }

    static Optional<Step> of(final int number) {
        return Arrays.stream(values()).filter(step -> step.number == number).findFirst();
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
