package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.DeviceRing;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.datapath.ring.RingEvents;
import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;

/**
 * A virtqueue of a guest port: its ring while started, its event descriptors and its counters.
 *
 * <p>While the port is suspended the ring is {@linkplain ParkedRing parked}, and {@link #ring} is null. Code that
 * polls, delivers, publishes or notifies then finds no ring, so the datapath needs no separate check for suspension.
 *
 * <p>One worker owns the queue and alone touches the ring. The port's commands change the queue on that worker's
 * thread. Any thread may read the status.
 */
public abstract sealed class GuestQueue permits ReceiveQueue, TransmitQueue {
    private final GuestPort port;
    private final int vring;
    private final QueueOwner owner;
    private final QueueCounters counters = new QueueCounters();
    private volatile @Nullable DeviceRing ring;
    private volatile @Nullable ParkedRing parked;
    private volatile boolean enabled;
    private RingEvents events = RingEvents.NONE;
    private boolean unsettled;
    private boolean callDue;
    private @Nullable DirtyLog log;
    private @Nullable EventFd logChanged;

    GuestQueue(final GuestPort port, final int vring, final QueueOwner owner) {
        this.port = port;
        this.vring = vring;
        this.owner = owner;
    }

    public final GuestPort port() {
        return port;
    }

    /** Returns the queue's index among the port's vrings. */
    public final int vring() {
        return vring;
    }

    public final QueueOwner owner() {
        return owner;
    }

    public final QueueCounters counters() {
        return counters;
    }

    /** Whether the calling thread owns the queue. For assertions. */
    private boolean isOwned() {
        return owner.isCaller();
    }

    /** Returns the ring, or null while it is stopped or parked. */
    public final @Nullable DeviceRing ring() {
        return ring;
    }

    /** Whether the ring is started; it may be parked. */
    public final boolean started() {
        return ring != null || parked != null;
    }

    /** Whether the ring is parked because its port is suspended. */
    final boolean isParked() {
        final ParkedRing waiting = parked;
        return waiting != null && !waiting.lacksParts() && !awaitsEnable();
    }

    /** Whether the ring is parked until it is enabled for the first time since it was started. */
    boolean awaitsEnable() {
        return false;
    }

    /** Returns the reason why nothing can be delivered to the queue now. */
    public final DropReason refusal() {
        return ring != null ? DropReason.QUEUE_DISABLED : parked == null ? DropReason.NO_RECEIVER
            : isParked() ? DropReason.PORT_SUSPENDED : DropReason.PAGE_TO_COME;
    }

    public final boolean enabled() {
        return enabled;
    }

    public final RingEvents events() {
        return events;
    }

    /**
     * Marks the queue: its driver may have to be notified.
     *
     * @return false if the queue was marked already
     */
    public final boolean markUnsettled() {
        assert isOwned();
        final boolean first = !unsettled;
        unsettled = true;
        return first;
    }

    /** Publishes all used buffers, if there still is a ring. */
    public final void publish() {
        assert isOwned();
        if (ring != null) {
            ring.publish();
        }
    }

    /** Notifies the driver if it wants a notification. Requires a full fence after {@link #publish}. */
    public final void markSettled() {
        assert isOwned();
        unsettled = false;
        if (ring == null) {
            return;
        }
        if (ring.wantsNotification()) {
            call();
        } else {
            counters.callSuppressed();
        }
    }

    /** Notifies the driver that buffers were used. */
    public final void call() {
        if (events.call() != null) {
            events.call().signal();
            counters.called();
        }
    }

    /** Notifies the driver in case an earlier notification was lost; for a parked ring, once it runs. */
    final void repeatCall() {
        if (ring != null) {
            call();
        } else {
            callDue = parked != null;
        }
    }

    /** Drops the ring until it is started again, because its contents are inconsistent. */
    public final void breakRing() {
        final DeviceRing broken = ring;
        assert broken != null : "only a running ring breaks";
        port.ringFault("vring " + vring + ": " + broken.fault());
        ring = null;
        port.ringBroken();
        if (events.error() != null) {
            events.error().signal();
        }
    }

    /** Takes no more chains from the ring until {@link #resume} or the next start. */
    abstract void pause();

    abstract void resume();

    /** Returns the interruptions that the worker has measured. Any thread may call. */
    abstract List<Interruption> measured();

    /** Replaces the dirty log of the present ring and of later ones. On the owner's thread. */
    final void log(final @Nullable DirtyLog newLog, final @Nullable EventFd changed) {
        if (ring != null) {
            ring.log(newLog, changed);
        }
        log = newLog;
        logChanged = changed;
    }

    /** Whether all parts of the ring are accessible. On the owner's thread. */
    final boolean ringIsAccessible() {
        final DeviceRing current = ring;
        final ParkedRing waiting = parked;
        return (current == null || current.partsAreAccessible()) && (waiting == null || waiting.partsAreAccessible());
    }

    /** Adds the ring's parts and the indirect descriptor read last to the touched ranges. On the owner's thread. */
    final void addTouched(final TouchedRanges ranges) {
        final DeviceRing current = ring;
        if (current != null) {
            current.addTouched(ranges);
        }
    }

    /** Whether the files behind the logs of the present ring and of later ones are intact. On the owner's thread. */
    final boolean logIntact() {
        final DeviceRing current = ring;
        return (current == null || current.logIntact()) && (log == null || log.intact());
    }

    /** Whether the record of the ring's chains in flight, if any, is accessible. On the owner's thread. */
    final boolean recordIntact() {
        final DeviceRing current = ring;
        final ParkedRing waiting = parked;
        return (current == null || current.intact()) && (waiting == null || waiting.intact());
    }

    /**
     * Whether no worker has a frame of this queue. On the owner's thread, or after the owner acknowledged
     * {@link #pause}.
     */
    abstract boolean idle();

    /**
     * Recovers the ring after a fault: puts unfinished chains back, publishes used ones, and notifies the driver. The
     * fault may have prevented the last two.
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

    /** Puts back the chains that a fault left unfinished. Touches no guest memory. */
    abstract void putBack(DeviceRing running);

    /** Abandons the ring, without touching its memory. */
    public final void abandon() {
        ring = null;
        parked = null;
    }

    /** Starts a ring, which stays parked until {@link #unpark}. */
    void start(final RingConfig config) {
        assert isOwned();
        parked = ParkedRing.of(config);
        callDue = true; // the ring's previous back-end may have died after using a buffer and before notifying
    }

    /** Parks the ring. No chain may be in flight, used chains must be published, and the driver notified. */
    void park() {
        assert isOwned();
        if (ring != null) {
            parked = ParkedRing.of(ring);
            ring = null;
        }
    }

    /**
     * Runs a parked ring if all its parts have arrived. If not, the ring stays parked and the missing page is
     * requested; {@link #pageArrived} tries again.
     */
    void unpark() {
        assert isOwned();
        final ParkedRing next = parked;
        if (next != null && !next.isPresent(vring)) {
            return;
        }
        if (next != null) {
            ring = next.ring(owner, log, logChanged);
            parked = null; // last: after a fault in the line above, the parked ring can still be checked and run
        }
        if (callDue && ring != null) {
            call();
        }
        callDue = false;
    }

    /** Returns the base of the ring, running or parked; 0 if there is none. On the owner's thread. */
    final int base() {
        return ring != null ? ring.base() : parked != null ? parked.base() : 0;
    }

    /** Drops the ring, running or parked. */
    void stop() {
        assert isOwned();
        ring = null;
        parked = null;
    }

    /**
     * Returns the base of a parked ring that has run; empty for any other ring. On the owner's thread, or after the
     * owner acknowledged {@link #park}.
     */
    final OptionalInt position() {
        final ParkedRing waiting = parked;
        return waiting == null || !waiting.ran() ? OptionalInt.empty() : OptionalInt.of(waiting.base());
    }

    /** Changes the memory table and the ring's addresses. No chain may be in flight. */
    final void remap(final GuestMemory memory, final RingAddresses addresses) {
        if (ring != null) {
            ring.remap(memory, addresses);
        } else if (parked != null) {
            parked.remap(memory, addresses);
        }
    }

    /** Adds translations for a range. Existing translations must be unchanged. */
    final void addTranslations(final GuestMemory memory, final long first, final long last) {
        final ParkedRing waiting = parked;
        if (ring != null) {
            ring.translations(memory, first, last);
        } else if (waiting != null) {
            waiting.addTranslations(memory, first, last);
        }
    }

    /** Refuses a translation that the ring has requested. */
    final void refuseTranslation(final long address, final int access) {
        final ParkedRing waiting = parked;
        if (ring != null && ring.translation() != null) {
            ring.translation().refuse(address, access);
        } else if (waiting != null) {
            waiting.refuseTranslation(address, access);
        }
    }

    /**
     * Resumes after a requested page has arrived.
     *
     * @param mayRun whether a parked ring may run if its parts have arrived
     */
    final void pageArrived(final boolean mayRun) {
        final ParkedRing waiting = parked;
        if (waiting != null) {
            waiting.pageArrived();
            if (mayRun) {
                unpark();
            }
        } else if (ring != null && ring.missingPage() != null) {
            ring.missingPage().arrived();
            retry();
        }
    }

    /**
     * Requests the page or the translation that the ring waits for. A translation is requested only if there is a
     * receiver.
     */
    final void requestMissing() {
        if (ring != null && ring.missingPage() != null) {
            ring.missingPage().request(vring);
        }
        if (ring != null && ring.translation() != null && events.translations() != null) {
            ring.translation().tell(events.translations());
        }
    }

    /** Tries again after a page or a translation that the ring may have waited for has arrived. */
    abstract void retry();

    /** Returns the entries of the ring; 0 while it is stopped. Any thread may call. */
    final int size() {
        final DeviceRing running = ring;
        final ParkedRing waiting = parked;
        return running != null ? running.size() : waiting != null ? waiting.size() : 0;
    }

    /** Returns the chains of the ring in flight. Any thread may call; the result may be outdated. */
    final int inFlight() {
        final DeviceRing running = ring;
        return running == null ? 0 : running.out();
    }

    /** Returns the chains that are known to be available. Any thread may call; the result may be outdated. */
    final int available() {
        final DeviceRing running = ring;
        return running == null ? 0 : running.known();
    }

    /** Returns the name of the ring's layout; empty while the ring is stopped. Any thread may call. */
    final String layout() {
        final DeviceRing running = ring;
        final ParkedRing waiting = parked;
        return running != null ? running.layout() : waiting != null ? waiting.layout() : "";
    }

    void enabled(final boolean nowEnabled) {
        enabled = nowEnabled;
    }

    final void events(final RingEvents newEvents) {
        final boolean otherReceiver = !Objects.equals(newEvents.translations(), events.translations());
        if (ring != null && ring.translation() != null && otherReceiver) {
            ring.translation().forgetRequest();
        }
        events = newEvents;
    }
}
