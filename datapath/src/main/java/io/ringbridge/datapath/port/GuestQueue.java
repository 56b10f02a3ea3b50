package io.ringbridge.datapath.port;

import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.RingEvents;

/**
 * A virtqueue of a guest port: the ring, while it is started, and what goes with it.
 *
 * <p>Owned by one worker, which alone touches the ring; the port's commands change it on that worker's thread. Status may be read
 * by any thread.
 */
public abstract sealed class GuestQueue permits ReceiveQueue, TransmitQueue {
    private final GuestPort port;
    private final int vring;
    private final QueueOwner owner;
    private final QueueCounters counters = new QueueCounters();
    private volatile DeviceRing ring;
    private volatile boolean enabled;
    private RingEvents events = RingEvents.NONE;
    private boolean unsettled;

    GuestQueue(final GuestPort port, final int vring, final QueueOwner owner) {
        this.port = port;
        this.vring = vring;
        this.owner = owner;
    }

    public final GuestPort port() {
        return port;
    }

    /** Its index among the port's vrings. */
    public final int vring() {
        return vring;
    }

    public final QueueOwner owner() {
        return owner;
    }

    public final QueueCounters counters() {
        return counters;
    }

    /** The ring, or null while it is stopped. */
    public final DeviceRing ring() {
        return ring;
    }

    public final boolean enabled() {
        return enabled;
    }

    public final RingEvents events() {
        return events;
    }

    /** Notes that the driver may have to be notified; false when that was noted already. */
    public final boolean unsettle() {
        final boolean first = !unsettled;
        unsettled = true;
        return first;
    }

    /** Shows the driver all buffers that were used, if the ring still is there. */
    public final void show() {
        if (ring != null) {
            ring.publish();
        }
    }

    /** Notifies the driver if it wants. Only after a full fence that follows {@link #show}. */
    public final void settle() {
        unsettled = false;
        if (ring != null && ring.wantsNotification()) {
            call();
        }
    }

    /** Tells the driver that buffers were used. */
    public final void call() {
        if (events.call() != null) {
            events.call().signal();
        }
    }

    /** Gives the ring up until it is started again: what it holds makes no sense. */
    public final void breakRing() {
        port.ringFault("vring " + vring + ": " + ring.fault());
        ring = null;
        if (events.error() != null) {
            events.error().signal();
        }
    }

    /** Takes nothing more from the ring until {@link #resume}, or a new start. */
    abstract void pause();

    abstract void resume();

    /** Whether no worker holds a frame of this queue. On the owner's thread, or after it has acknowledged a {@link #pause}. */
    abstract boolean idle();

    /** Puts back what a fault left out of the ring. */
    abstract void recover();

    /** Gives the ring up without a further touch of its memory. */
    public final void abandon() {
        ring = null;
    }

    final void ring(final DeviceRing newRing) {
        ring = newRing;
    }

    final void enabled(final boolean nowEnabled) {
        enabled = nowEnabled;
    }

    final void events(final RingEvents newEvents) {
        events = newEvents;
    }
}
