package io.ringbridge.datapath.port;

import org.jspecify.annotations.Nullable;

import java.util.List;

/** A port of the switch. The datapath creates it; any thread may read it. */
public abstract sealed class Port permits GuestPort, UplinkPort {
    private final int index;
    private final String name;
    private final @Nullable PortVlan vlan;
    private final Stations stations;
    private volatile int mtu;
    private volatile Sink[] receivers = {};
    private volatile PortState state = PortState.WAITING;
    private volatile long sinceMillis = System.currentTimeMillis();
    private volatile @Nullable String failure;
    private volatile boolean suspended;
    private volatile int relayedGroups;

    Port(final int index, final String name, final int mtu, final @Nullable PortVlan vlan, final Stations stations) {
        this.index = index;
        this.name = name;
        this.mtu = mtu;
        this.vlan = vlan;
        this.stations = stations;
    }

    /** Returns the port's number, unique among the present ports. */
    public final int index() {
        return index;
    }

    public final String name() {
        return name;
    }

    /**
     * Returns the VLANs of the port. The result is null if none are configured: its frames then go unchanged to other
     * ports without VLANs only.
     */
    public final @Nullable PortVlan vlan() {
        return vlan;
    }

    /** Whether frames of a VLAN may leave by this port. VLAN 0 stands for frames from ports without VLANs. */
    public final boolean carries(final int id) {
        return vlan == null ? id == 0 : vlan.carries(id);
    }

    /** Returns the port's state, for display. */
    public PortState state() {
        return state;
    }

    /** Sets the port's state. Called by the port's driver: the session of a guest port, the link of an uplink. */
    public final void state(final PortState newState) {
        if (state != newState) {
            sinceMillis = System.currentTimeMillis();
        }
        state = newState;
    }

    /** Returns the time of the last change of state, in milliseconds since 1970. */
    public final long sinceMillis() {
        return sinceMillis;
    }

    /** Returns the length of the longest payload of a frame, in bytes. */
    public final int mtu() {
        return mtu;
    }

    /** Sets the MTU. Called by the port's driver. */
    public final void mtu(final int newMtu) {
        mtu = newMtu;
    }

    /** Returns the queues that accept frames now, in order. Workers read it for each frame. */
    public final Sink[] receivers() {
        return receivers;
    }

    /** Sets the queues that accept frames from now on. Earlier verdicts become void. */
    final void receivers(final Sink... now) {
        receivers = now;
        stations.changed();
    }

    /**
     * Whether the port can deliver nothing, like a link that is down: it is suspended, has failed, or has no running
     * receive queue. Stations learned behind it may have moved.
     */
    public boolean isDown() {
        return suspended || failure != null || receivers.length == 0;
    }

    /** Records whether the port is suspended. Earlier verdicts become void. */
    final void suspended(final boolean now) {
        suspended = now;
        stations.changed();
    }

    /**
     * Whether frames that arrive on this port are relayed to a reserved group, 01:80:c2:00:00:00 to 0f.
     *
     * @param number the group's last octet
     */
    public final boolean relaysGroup(final int number) {
        return (relayedGroups >>> number & 1) != 0;
    }

    /**
     * Sets the reserved groups to which frames that arrive on this port are relayed. Initially there are none.
     *
     * @param mask one bit per group, by its last octet; the bit of 01, MAC control, has no effect
     */
    public final void relayGroups(final int mask) {
        relayedGroups = mask;
    }

    /** Returns the bridge's stations behind this port. */
    final Stations stations() {
        return stations;
    }

    /** Returns the reason why the port has failed, or null. */
    public final @Nullable String failure() {
        return failure;
    }

    final void failure(final @Nullable String why) {
        failure = why;
    }

    /** Marks the port as failed. Any worker may call; the port's driver reads the state later. */
    public void fail(final String why) {
        failure = why;
        state(PortState.FAILED);
        stations.changed();
    }

    /**
     * Adds a cause of suspension. A cause that is already present is not an error. When this method returns, the port
     * takes in no more frames, and all earlier ones were delivered or dropped. Frames for the port are dropped.
     */
    public abstract void suspend(SuspendCause cause);

    /**
     * Removes a cause of suspension. A cause that is not present is not an error. If no other cause remains, frames
     * move again at once.
     */
    public abstract void resume(SuspendCause cause);

    /**
     * Detaches the front-end or the device, and makes the bridge forget the addresses learned on this port. Not on a
     * worker's thread.
     */
    public abstract void detach();

    /** Returns the sum of the counters of all queues, since the switch started. */
    public abstract PortStatistics statistics();

    /** Returns the counters of each queue and direction. Any thread may call; no worker notices. */
    public abstract List<QueueReading> readings();

    /** Returns one row per queue, for display. */
    public abstract List<QueueStatus> queues();
}
