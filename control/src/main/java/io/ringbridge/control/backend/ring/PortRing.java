package io.ringbridge.control.backend.ring;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.InflightRegion;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.datapath.ring.RingEvents;
import org.jspecify.annotations.Nullable;

import java.util.OptionalInt;

/** One ring as the port's workers run it, or the session's thread if it is the control queue. */
final class PortRing {
    private static final int USED_IDX = 2;
    private static final int INDEX_MASK = 0xFFFF;

    private final VringSetup setup;
    private final VringEvents events;
    private final SharedSetup shared;
    private final int index;
    /** The addresses at which the ring runs, or ran last. */
    private @Nullable RingAddresses place;
    private boolean hasRun;
    /** The worker's requests for translations; null until they are needed, and while there is no channel for them. */
    private @Nullable TranslationRequests translations;

    PortRing(final VringSetup setup, final VringEvents events, final SharedSetup shared) {
        this.setup = setup;
        this.events = events;
        this.shared = shared;
        index = setup.index();
    }

    /** Starts the ring at its addresses in this process. */
    void start(final RingAddresses at, final boolean enabled) {
        final boolean packed = shared.isPacked();
        final boolean control = shared.queues().isControl(index);
        InflightRegion record = control ? null : shared.inflight().region(index, setup.size(), packed);
        if (record == null && packed && !control) {
            record = shared.journals().begin(setup, hasRun, at, shared.memory());
        }
        shared.queues().enableRing(index, enabled);
        shared.queues().startRing(index, new RingConfig(setup.size(), shared.features(), at, setup.base(),
            shared.memory(), record, setup.isBigEndian()), workerEvents());
        place = at;
        hasRun = true;
    }

    /** Whether the ring has been started, and no worker has found it broken since. */
    boolean runs() {
        return shared.queues().started(index);
    }

    /**
     * Stops the ring, and sets the position from which it resumes.
     *
     * @param broken whether it broke
     */
    void stop(final boolean broken) {
        final int position = shared.queues().stopRing(index);
        if (!broken) {
            setup.stopAt(position);
        } else if (!shared.isPacked()) {
            setup.stopAt(usedIndex());
        }
    }

    /** Reads the used index of a split ring from the memory in which it ran last. */
    private int usedIndex() {
        assert place != null : "the ring has run";
        final short used = Memory.getShort(place.device() + USED_IDX);
        Memory.surfaceFault(); // so that a fault is raised here, where the session expects it
        return (setup.isBigEndian() ? Short.reverseBytes(used) : used) & INDEX_MASK;
    }

    /** Returns the addresses at which the ring runs, or ran last; null if it has not run. */
    @Nullable RingAddresses place() {
        return place;
    }

    /** Records that the ring is about to be moved. */
    void moveTo(final @Nullable RingAddresses at) {
        place = at;
    }

    /** Returns the events for the worker. Those that the front-end does not provide send a request instead. */
    private RingEvents workerEvents() {
        if (translations == null && shared.isTranslated() && !shared.requests().equals(BackendChannel.NONE)) {
            translations = new TranslationRequests(shared.requests(), shared.queues().port(), index);
        }
        return new RingEvents(events.kick(), orRequest(events.call(), BackendRequest.VRING_CALL),
            orRequest(events.error(), BackendRequest.VRING_ERR), translations);
    }

    private @Nullable EventFd orRequest(final @Nullable EventFd provided, final BackendRequest instead) {
        return provided == null ? shared.notifications().event(instead, index) : provided;
    }

    /** Gives the current events to the worker. */
    void refreshEvents() {
        shared.queues().ringEvents(index, workerEvents());
    }

    /** Replaces the requests for translations when they are needed next, because their channel is replaced. */
    void forgetTranslations() {
        translations = null;
    }

    /** Reports to the front-end that the ring is broken. */
    void signalError() {
        final EventFd error = workerEvents().error();
        if (error != null) {
            error.signal();
        }
    }

    /** Whether the ring has run in this connection. */
    boolean hasRun() {
        return hasRun;
    }

    /** Restores whether the ring has run in this connection. */
    void restore(final boolean ran) {
        hasRun = ran;
    }

    /** Finds the place of a ring that runs in another process, which must be complete here. */
    void findPlace() {
        place = setup.isComplete() ? setup.place(shared.memory()) : null;
        if (place == null) {
            throw new HandOverException("vring " + index + " runs, but is not wholly in the guest's memory");
        }
        if (!shared.queues().isControl(index)) {
            shared.inflight().region(index, setup.size(), shared.isPacked()); // throws if there is no room for the ring
        }
    }

    /** Writes whether the ring is intact, and its position if it has one. The port is suspended. */
    void savePosition(final StateWriter out) {
        final OptionalInt position = shared.queues().position(index);
        out.flag(runs()).flag(position.isPresent()).number(position.orElse(0));
    }

    /**
     * Reads the position. A ring that has not run starts here as a new ring, from its in-flight record.
     *
     * @return whether the ring is intact
     */
    boolean restorePosition(final StateReader in) {
        final boolean intact = in.flag();
        hasRun = in.flag();
        final int position = in.number();
        if (hasRun) {
            setup.stopAt(position);
            setup.checkLayout();
        }
        return intact;
    }
}
