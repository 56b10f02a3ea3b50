package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.datapath.ring.RingEvents;

import java.util.Objects;
import java.util.OptionalInt;

/**
 * A virtqueue of a guest port: the ring, while it is started, and what goes with it.
 *
 * <p>While the port is suspended the ring is {@linkplain HeldRing held}, and {@link #ring} is null: whatever polls, delivers, shows or
 * notifies finds no ring, so that suspension needs no look of its own on the way of a frame.
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
    private volatile HeldRing held;
    private volatile boolean enabled;
    private RingEvents events = RingEvents.NONE;
    private boolean unsettled;
    private boolean callDue;
    private DirtyLog log;
    private EventFd logChanged;

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

    /** The ring, or null while it is stopped or held. */
    public final DeviceRing ring() {
        return ring;
    }

    /** Whether it is started, running or held. */
    public final boolean started() {
        return ring != null || held != null;
    }

    /** Whether its ring is kept from running, and not by itself, as a part of it has not come yet. */
    final boolean isHeld() {
        final HeldRing waiting = held;
        return waiting != null && !waiting.lacksParts() && !awaitsEnable();
    }

    /** Whether its ring is held until it is enabled for the first time since it was started. */
    boolean awaitsEnable() {
        return false;
    }

    /** Why nothing can be delivered to it now. */
    public final DropReason refusal() {
        return ring != null ? DropReason.QUEUE_DISABLED : held == null ? DropReason.NO_RECEIVER
            : isHeld() ? DropReason.PORT_SUSPENDED : DropReason.PAGE_TO_COME;
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

    /** Notifies, in case a notification was lost before; of a held ring, once it runs. */
    final void callAgain() {
        if (ring != null) {
            call();
        } else {
            callDue = held != null;
        }
    }

    /** Gives the ring up until it is started again: what it holds makes no sense. */
    public final void breakRing() {
        port.ringFault("vring " + vring + ": " + ring.fault());
        ring = null;
        port.ringGivenUp();
        if (events.error() != null) {
            events.error().signal();
        }
    }

    /** Takes nothing more from the ring until {@link #resume}, or a new start. */
    abstract void pause();

    abstract void resume();

    /** Logs what is written by its ring, or the one it will have, there and nowhere else. On the owner's thread. */
    final void log(final DirtyLog newLog, final EventFd changed) {
        if (ring != null) {
            ring.log(newLog, changed);
        }
        log = newLog;
        logChanged = changed;
    }

    /** Whether all parts of its ring can be touched. On the owner's thread. */
    final boolean ringIsThere() {
        final DeviceRing current = ring;
        final HeldRing waiting = held;
        return (current == null || current.partsAreAccessible()) && (waiting == null || waiting.partsAreAccessible());
    }

    /** Adds the parts of its ring, and the indirect table that it read last, to what is touched. On the owner's thread. */
    final void addTouched(final TouchedRanges ranges) {
        final DeviceRing current = ring;
        if (current != null) {
            current.addTouched(ranges);
        }
    }

    /** Whether the file behind the log of its ring, or of the one it will have, is still there. On the owner's thread. */
    final boolean logIntact() {
        final DeviceRing current = ring;
        return (current == null || current.logIntact()) && (log == null || log.intact());
    }

    /** Whether the file that records its ring's chains in flight, if there is one, is still there. On the owner's thread. */
    final boolean recordIntact() {
        final DeviceRing current = ring;
        final HeldRing waiting = held;
        return (current == null || current.intact()) && (waiting == null || waiting.intact());
    }

    /** Whether no worker holds a frame of this queue. On the owner's thread, or after it has acknowledged a {@link #pause}. */
    abstract boolean idle();

    /**
     * Puts back what a fault left out of the ring, shows the driver all that was used, and notifies it: the fault may have been raised
     * just before either.
     */
    void recover() {
        unsettled = false;
        final DeviceRing running = ring;
        if (running != null) {
            putBack(running);
            running.publish();
            call();
        }
    }

    /** Puts back what a fault left out of the ring. Touches no memory of the guest. */
    abstract void putBack(DeviceRing running);

    /** Gives the ring up without a further touch of its memory. */
    public final void abandon() {
        ring = null;
        held = null;
    }

    /** Takes a ring to be started; it is held until {@link #release}. */
    void start(final RingConfig config) {
        held = HeldRing.of(config);
        callDue = true; // whoever had the ring before may have died between using a buffer and saying so
    }

    /** Keeps the ring from running; no chain may be out, and the driver has been shown and told everything. */
    void hold() {
        if (ring != null) {
            held = HeldRing.of(ring);
            ring = null;
        }
    }

    /** Lets a held ring run, now or as soon as its parts have come, of which this is told again then. */
    void release() {
        final HeldRing next = held;
        if (next != null && !next.isThere(vring)) {
            return;
        }
        if (next != null) {
            ring = next.ring(log, logChanged);
            held = null; // not before: a fault while the ring is made leaves it to be looked at, or made again
        }
        if (callDue && ring != null) {
            call();
        }
        callDue = false;
    }

    /** Where its ring goes on, wherever that is; 0 if there is none. On the owner's thread. */
    final int base() {
        return ring != null ? ring.base() : held != null ? held.base() : 0;
    }

    /** Gives the ring up, wherever it is. */
    void stop() {
        ring = null;
        held = null;
    }

    /** Where a held ring that has run goes on; empty for any other. On the owner's thread, or after it has acknowledged {@link #hold}. */
    final OptionalInt position() {
        final HeldRing waiting = held;
        return waiting == null || !waiting.ran() ? OptionalInt.empty() : OptionalInt.of(waiting.base());
    }

    /** Takes over other places of the ring; no chain may be out. */
    final void remap(final GuestMemory memory, final RingAddresses addresses) {
        if (ring != null) {
            ring.remap(memory, addresses);
        } else if (held != null) {
            held.remap(memory, addresses);
        }
    }

    /** Takes over translations that tell of a range what was not told before. */
    final void translations(final GuestMemory memory, final long first, final long last) {
        final HeldRing waiting = held;
        if (ring != null) {
            ring.translations(memory, first, last);
        } else if (waiting != null) {
            waiting.translations(memory, first, last);
        }
    }

    /** Says that a translation that was asked for is not to be had. */
    final void refuseTranslation(final long address, final int access) {
        final HeldRing waiting = held;
        if (ring != null && ring.translation() != null) {
            ring.translation().refuse(address, access);
        } else if (waiting != null) {
            waiting.refuseTranslation(address, access);
        }
    }

    /**
     * Goes on with a page that was asked for.
     *
     * @param mayRun whether a ring that waits for its parts may run
     */
    final void pageCame(final boolean mayRun) {
        final HeldRing waiting = held;
        if (waiting != null) {
            waiting.pageCame();
            if (mayRun) {
                release();
            }
        } else if (ring != null && ring.missingPage() != null) {
            ring.missingPage().arrived();
            retry();
        }
    }

    /** Asks for what its ring lacks: a page, or, where that is behind an IOMMU and there is somebody to ask, a translation. */
    final void askForMore() {
        if (ring != null && ring.missingPage() != null) {
            ring.missingPage().request(vring);
        }
        if (ring != null && ring.translation() != null && events.translations() != null) {
            ring.translation().tell(events.translations());
        }
    }

    /** Goes on after what its ring may have waited for has come. */
    abstract void retry();

    /** Entries of the ring; 0 while it is stopped. Any thread may ask. */
    final int size() {
        final DeviceRing running = ring;
        final HeldRing waiting = held;
        return running != null ? running.size() : waiting != null ? waiting.size() : 0;
    }

    /** Its layout's name; empty while it is stopped. Any thread may ask. */
    final String layout() {
        final DeviceRing running = ring;
        final HeldRing waiting = held;
        return running != null ? running.layout() : waiting != null ? waiting.layout() : "";
    }

    void enabled(final boolean nowEnabled) {
        enabled = nowEnabled;
    }

    final void events(final RingEvents newEvents) {
        if (ring != null && ring.translation() != null && !Objects.equals(newEvents.translations(), events.translations())) {
            ring.translation().forgetRequest();
        }
        events = newEvents;
    }
}
