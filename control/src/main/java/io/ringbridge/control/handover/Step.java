package io.ringbridge.control.handover;

import java.util.Locale;

/**
 * The kinds of records, in the order in which they are sent. The new process may send {@link #REFUSED} in place of any
 * record of its own.
 */
public enum Step {
    /** To the old process: the new one has warmed up. */
    READY,
    /** To the new process: the list of ports. */
    SWITCH,
    /** To the new process, once per port: the state that does not change while the port's link is paused. */
    PORT,
    /** To the new process: the forwarding table. */
    STATIONS,
    /** To the old process: the state so far is valid, and only the positions are missing. */
    PREPARED,
    /** To the new process, once nothing moves: ring positions, counters, and the stations learned in the meantime. */
    POSITIONS,
    /** To the old process: the state is complete and valid. */
    TAKEN,
    /** To the new process: it owns the ports from now on. */
    GO,
    /** To the old process: frames move again. */
    SERVING,
    /**
     * To the old process: the reason for a refusal. The old process resumes if this arrives before TAKEN, but cannot
     * after GO.
     */
    REFUSED;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
