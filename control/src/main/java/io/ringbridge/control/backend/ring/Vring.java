package io.ringbridge.control.backend.ring;

import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.protocol.VirtioFeatures;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.RingAddresses;
import org.jspecify.annotations.Nullable;

/**
 * One ring of a session: its setup by the front-end, and whether it runs. It starts as soon as its setup is complete,
 * in any order of messages (vhost-user, "Ring states").
 *
 * <p>Owned by the session's thread. In a hand-over, {@link HandedVring} saves and restores the ring.
 */
final class Vring {
    private final int index;
    private final SharedSetup shared;
    final VringSetup setup;
    final VringEvents events;
    final PortRing portRing;
    private final MissingTranslations missing;
    VringState state = VringState.STOPPED;
    boolean enabled;

    Vring(final int index, final SharedSetup shared) {
        this.index = index;
        this.shared = shared;
        setup = new VringSetup(index, shared);
        events = new VringEvents();
        portRing = new PortRing(setup, events, shared);
        missing = new MissingTranslations(setup, shared);
    }

    int index() {
        return index;
    }

    /** Whether the ring is started, even if it has broken since. */
    boolean isStarted() {
        return state == VringState.RUNNING || state == VringState.BROKEN;
    }

    private boolean isBroken() {
        return state == VringState.BROKEN || state == VringState.RUNNING && !portRing.runs();
    }

    /** Whether the front-end has started the ring and not stopped it, and the negotiated features have a use for it. */
    boolean isWanted() {
        return state != VringState.STOPPED && isServed();
    }

    /** Returns the addresses at which the ring runs; null if it is not started. */
    @Nullable RingAddresses place() {
        return isStarted() ? portRing.place() : null;
    }

    private boolean isServed() {
        return shared.queues().serves(index) && !isBigEndianControl();
    }

    private boolean isBigEndianControl() {
        return shared.queues().isControl(index) && setup.isBigEndian();
    }

    /** Returns the error for a ring that the negotiated features exclude. */
    ProtocolException unusable() {
        return ProtocolException.unusable("vring " + index + (isBigEndianControl()
            ? " is a big-endian control queue; only little-endian ones are served"
            : " has no use with the negotiated features " + VirtioFeatures.names(shared.features())));
    }

    private ProtocolException notInMemory() {
        return ProtocolException.refused("vring " + index
            + " is not wholly in the guest's memory, or misaligned there");
    }

    private void checkStopped() {
        if (isStarted()) {
            throw ProtocolException.refused("vring " + index + " runs; this is only allowed while it is stopped");
        }
    }

    /** Refuses a ring that is to be kicked, but is not served. */
    void checkServed() {
        if (shared.areFeaturesKnown() && !isServed()) {
            throw unusable();
        }
    }

    void setNum(final int num) {
        checkStopped();
        setup.setNum(num);
        start(true);
    }

    /**
     * Sets the addresses, and starts the ring if it was only waiting for them.
     *
     * @return whether the ring is running already, so that it has to be moved to the addresses
     */
    boolean setAddr(final Message.SetVringAddr at) {
        checkAligned(at);
        final boolean running = isStarted();
        if (running && !shared.isTranslated() && setup.place(at, shared.memory()) == null) {
            throw notInMemory();
        }
        setup.setAddress(at);
        start(true); // does nothing to a ring that runs
        return running;
    }

    private void checkAligned(final Message.SetVringAddr at) {
        final boolean packed = shared.isPacked();
        if (!new RingAddresses(at.descriptor(), at.available(), at.used()).areAligned(packed)) {
            throw ProtocolException.refused("vring " + index + " is misaligned: descriptors 0x"
                + Long.toHexString(at.descriptor()) + ", available 0x" + Long.toHexString(at.available()) + ", used 0x"
                + Long.toHexString(at.used()) + "; multiples of 16, " + (packed ? 4 : 2) + " and 4 are allowed");
        }
    }

    void setBase(final int position) {
        checkStopped();
        setup.setBase(position);
    }

    void setEndian(final int order) {
        checkStopped();
        setup.setEndian(order);
    }

    void setEnable(final int value) {
        if (value != 0 && value != 1) {
            throw ProtocolException.refused("vring " + index + " enabled with " + Integer.toUnsignedString(value)
                + "; allowed: 0 and 1");
        }
        enabled = value != 0;
        if (waitsToBeEnabled()) {
            leavePort(VringState.WAITING);
        }
        shared.queues().enableRing(index, enabled);
        start(true);
    }

    /** Whether the ring is disabled, and its frames wait rather than being discarded. */
    boolean waitsToBeEnabled() {
        return !enabled && !shared.discardsWhenDisabled() && transmits();
    }

    private boolean transmits() {
        return (index & 1) != 0;
    }

    /**
     * Sets a descriptor, and owns it.
     *
     * @param event null if the front-end wants none
     */
    void setFd(final Request which, final @Nullable PeerEvent event) {
        final PeerEvent old = events.replace(which, event);
        if (which == Request.SET_VRING_KICK) {
            markKicked();
        }
        refreshEvents();
        if (old != null) {
            old.close();
        }
        start(true);
    }

    /** Signals the kick event, which is created if the front-end has provided none. */
    void kick(final int num) {
        if (num != 0) {
            throw ProtocolException.refused("vring " + index + " kicked with " + Integer.toUnsignedString(num)
                + "; only 0 is allowed");
        }
        checkServed();
        EventFd event = events.kick();
        if (event == null) {
            event = EventFd.create();
            setFd(Request.SET_VRING_KICK, new PeerEvent.Direct(event));
        }
        event.signal();
        markKicked();
        start(false);
    }

    private void markKicked() {
        if (!isStarted()) {
            state = VringState.WAITING;
        }
    }

    /** Gives the current events to the worker if the ring is started. */
    void refreshEvents() {
        if (isStarted()) {
            portRing.refreshEvents();
        }
    }

    /** Forgets the requests for translations, because their channel is replaced. */
    void forgetRequests() {
        portRing.forgetTranslations();
        missing.clear();
    }

    /** Returns the number of kicks that no worker has received since the last call; 0 for a ring that receives. */
    long newKicks() {
        return isStarted() && transmits() ? events.newKicks() : 0;
    }

    /** Whether the stopped ring may start: the front-end has set it up completely, and the driver is ready. */
    private boolean isComplete() {
        return shared.isDriverReady() && state == VringState.WAITING && setup.isComplete()
            && shared.areFeaturesKnown() && !shared.memory().regions().isEmpty();
    }

    /**
     * Starts the ring if it is complete.
     *
     * @param strict whether to throw, rather than wait for more memory, if memory does not cover the ring
     */
    void start(final boolean strict) {
        if (!isComplete()) {
            return;
        }
        enabled |= shared.startsEnabled();
        if (waitsToBeEnabled()) {
            return;
        }
        if (!isServed()) {
            if (strict) {
                throw unusable();
            }
            return;
        }
        setup.checkLayout();
        final RingAddresses place = setup.place(shared.memory());
        if (place != null) {
            run(place);
        } else if (shared.isTranslated()) {
            missing.request();
        } else if (strict) {
            throw notInMemory();
        }
    }

    /** Runs the ring at a place in the memory. */
    void run(final RingAddresses place) {
        portRing.start(place, enabled);
        state = VringState.RUNNING;
    }

    /** Requests the translations that the ring needs to start, if nothing else is missing. */
    void requestMissing() {
        if (isComplete() && isServed()) {
            missing.request();
        }
    }

    /**
     * Stops the ring until the front-end starts it again.
     *
     * @return the position from which the ring resumes
     */
    int stop() {
        leavePort(VringState.STOPPED);
        state = VringState.STOPPED;
        events.stop();
        shared.journals().onStopped(index);
        setup.reportBase();
        missing.clear();
        return setup.base();
    }

    /** Stops the ring at its position, until it is complete again. A broken ring stays stopped. */
    void stopForNow() {
        leavePort(isBroken() ? VringState.STOPPED : VringState.WAITING);
        missing.clear();
    }

    /** Stops the ring at its position, until the front-end kicks it or the driver is ready. */
    void awaitKick() {
        stopForNow();
        if (state == VringState.WAITING) {
            state = VringState.AWAITING_KICK;
        }
    }

    /** Ends the wait for a kick, because the driver is ready. */
    void onDriverReady() {
        if (state == VringState.AWAITING_KICK) {
            state = VringState.WAITING;
        }
    }

    /** Stops the ring for now if one of its parts is in the range from {@code first} to {@code last}, inclusive. */
    void stopIfIn(final long first, final long last) {
        if (setup.overlaps(first, last)) {
            stopForNow();
        }
    }

    /**
     * Finds the ring's place in another memory table. Stops the ring if the table does not cover it, or if pages of the
     * table are still missing.
     *
     * @return false if the ring was stopped because the front-end has removed its memory
     */
    boolean moveTo(final GuestMemory next) {
        if (next.incoming() != null) {
            leavePort(VringState.WAITING);
        } else if (isStarted()) {
            final RingAddresses place = setup.place(next);
            if (place == null && next.iotlb() != null) {
                stopForNow();
            } else if (place == null) {
                leavePort(VringState.STOPPED);
            }
            portRing.moveTo(place);
            return place != null || next.iotlb() != null;
        }
        return true;
    }

    /** Takes the ring out of the port if it is started, and keeps its position. */
    private void leavePort(final VringState next) {
        if (isStarted()) {
            portRing.stop(isBroken());
            state = next;
        }
    }

    /** Stops and disables the ring, and clears its setup except for the error descriptor, which is not sent again. */
    void reset() {
        stop();
        enabled = false;
        shared.queues().enableRing(index, false);
        setup.reset();
    }

    /** Closes every descriptor. The port must be detached before. */
    void close() {
        events.close();
    }
}
