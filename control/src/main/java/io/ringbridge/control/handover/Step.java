package io.ringbridge.control.handover;

import java.util.Locale;

/** What a record is, in the order in which records are sent; {@link #REFUSED} may come in place of any that the new process sends. */
public enum Step {
    /** To the old process: the new one is warm. */
    READY,
    /** To the new one: which ports there are. */
    SWITCH,
    /** To the new one, for each port: all that does not change while its session rests. */
    PORT,
    /** To the new one: the forwarding table. */
    STATIONS,
    /** To the old one: all that has checked out, and only what moves is missing. */
    PREPARED,
    /** To the new one, once nothing moves: where every ring stands, counters, and what was learned since. */
    POSITIONS,
    /** To the old one: everything is here, and can be gone on with. */
    TAKEN,
    /** To the new one: it is yours. */
    GO,
    /** To the old one: frames move again. */
    SERVING,
    /** To the old one: why not. Before TAKEN it then goes on; after GO it is too late for that. */
    REFUSED;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
