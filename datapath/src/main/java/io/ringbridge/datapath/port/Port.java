package io.ringbridge.datapath.port;

import java.util.List;

/** A place of attachment to the switch. Made by the datapath; any thread may read. */
public abstract sealed class Port permits GuestPort, UplinkPort {
    private final int index;
    private final String name;
    private final PortVlan vlan;
    private final Stations stations;
    private volatile int mtu;
    private volatile Sink[] receivers = {};
    private volatile PortState state = PortState.WAITING;
    private volatile long sinceMillis = System.currentTimeMillis();
    private volatile String failure;
    private volatile boolean suspended;
    private volatile int relayedGroups;

    Port(final int index, final String name, final int mtu, final PortVlan vlan, final Stations stations) {
        this.index = index;
        this.name = name;
        this.mtu = mtu;
        this.vlan = vlan;
        this.stations = stations;
    }

    /** Its number, unique among the ports there are. */
    public final int index() {
        return index;
    }

    public final String name() {
        return name;
    }

    /** The VLANs that it is in; null where nothing is said of VLANs: its frames go as they are, to other ports of this kind only. */
    public final PortVlan vlan() {
        return vlan;
    }

    /** Whether frames of a VLAN may leave by it; 0 stands for those that came in by ports without VLANs. */
    public final boolean carries(final int id) {
        return vlan == null ? id == 0 : vlan.carries(id);
    }

    /** How far it has come, for display. */
    public PortState state() {
        return state;
    }

    /** Says how far the port has come; for whoever drives it, a session for a guest port. */
    public final void state(final PortState newState) {
        if (state != newState) {
            sinceMillis = System.currentTimeMillis();
        }
        state = newState;
    }

    /** Returns when it has come that far, in milliseconds since 1970. */
    public final long sinceMillis() {
        return sinceMillis;
    }

    /** The longest payload of a frame, in bytes. */
    public final int mtu() {
        return mtu;
    }

    /** Says that it has become another; for whoever drives the port. */
    public final void mtu(final int newMtu) {
        mtu = newMtu;
    }

    /** The queues that take frames now, in order. Read by workers for each frame. */
    public final Sink[] receivers() {
        return receivers;
    }

    /** Says which queues take frames from now on; verdicts that were reached before are void. */
    final void receivers(final Sink... now) {
        receivers = now;
        stations.changed();
    }

    /**
     * Whether nothing can be delivered by it, as by a link that is down: it is suspended, was given up, or has no
     * running receive queue. Stations that were heard behind it may have moved.
     */
    public boolean isDown() {
        return suspended || failure != null || receivers.length == 0;
    }

    /** Records whether a cause of suspension holds; verdicts that were reached before are void. */
    final void suspended(final boolean now) {
        suspended = now;
        stations.changed();
    }

    /**
     * Whether frames for a reserved group, 01:80:c2:00:00:00 to 0f, are relayed if they came in here.
     *
     * @param number the group's last octet
     */
    public final boolean relaysGroup(final int number) {
        return (relayedGroups >>> number & 1) != 0;
    }

    /**
     * Sets which reserved groups frames that come in here are relayed to; none at first.
     *
     * @param mask a bit per group, by its last octet; that of 01, MAC control, has no effect
     */
    public final void relayGroups(final int mask) {
        relayedGroups = mask;
    }

    /** What is known of those behind it. */
    final Stations stations() {
        return stations;
    }

    /** Why the port was given up, or null. */
    public final String failure() {
        return failure;
    }

    final void failure(final String why) {
        failure = why;
    }

    /** Gives the port up. Any worker may call; whoever drives the port notices. */
    public void fail(final String why) {
        failure = why;
        state(PortState.FAILED);
        stations.changed();
    }

    /**
     * Adds a cause of suspension; one that holds already is no error. When this returns nothing comes in here, and all that did was
     * delivered or dropped; frames for it are dropped.
     */
    public abstract void suspend(SuspendCause cause);

    /** Takes a cause away; one that does not hold is no error. With the last, frames move again at once. */
    public abstract void resume(SuspendCause cause);

    /** Lets go of whatever is attached, and makes the bridge forget the addresses learned here. Not on a worker's thread. */
    public abstract void detach();

    /** Its counters over all queues, since the switch started. */
    public abstract PortStatistics statistics();

    /** A row a queue, for display. */
    public abstract List<QueueStatus> queues();
}
