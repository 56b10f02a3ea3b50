package io.ringbridge.datapath.port;

import java.util.List;

/** A place of attachment to the switch. Made by the datapath; any thread may read. */
public abstract class Port {
    private final int index;
    private final String name;
    private volatile PortState state = PortState.WAITING;

    Port(final int index, final String name) {
        this.index = index;
        this.name = name;
    }

    /** Its number, unique among the ports there are. */
    public final int index() {
        return index;
    }

    public final String name() {
        return name;
    }

    /** How far it has come, for display. */
    public PortState state() {
        return state;
    }

    /** Says how far the port has come; for whoever drives it, a session for a guest port. */
    public final void state(final PortState newState) {
        state = newState;
    }

    /** Its counters over all queues, since the switch started. */
    public abstract PortStatistics statistics();

    /** A row a queue, for display. */
    public abstract List<QueueStatus> queues();
}
