package io.ringbridge.control.backend.ring;

import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.datapath.ring.RingAddresses;

/**
 * Moves one ring of a session from one process to another, as part of {@link HandedRings}. Used while the session's
 * thread is paused, or has not started.
 */
final class HandedVring {
    private final Vring ring;

    HandedVring(final Vring ring) {
        this.ring = ring;
    }

    /** Writes the ring's setup, for another process. */
    void save(final StateWriter out) {
        out.number(ring.index());
        ring.setup.saveLayout(out);
        out.flag(ring.enabled).flag(ring.state != VringState.STOPPED).flag(ring.state == VringState.AWAITING_KICK)
            .flag(ring.isStarted()).flag(ring.portRing.hasRun());
        ring.setup.saveAddress(out);
        ring.events.save(out);
    }

    /** Reads and checks the ring's setup, except for its index, in another process. */
    void restore(final StateReader in, final Relay relay) {
        ring.setup.restoreLayout(in);
        ring.enabled = in.flag();
        ring.state = VringState.of(in.flag(), in.flag(), in.flag());
        ring.portRing.restore(in.flag());
        ring.setup.restoreAddress(in);
        ring.events.restore(in, relay);
        if (ring.setup.size() > 0) {
            ring.setup.checkLayout();
        }
        if (ring.isStarted()) {
            ring.portRing.findPlace();
        }
    }

    /** Writes the position of a started ring. */
    void savePosition(final StateWriter out) {
        if (ring.isStarted()) {
            ring.portRing.savePosition(out);
        }
    }

    /** Reads the position of a started ring. */
    void restorePosition(final StateReader in) {
        if (ring.isStarted()) {
            ring.state = ring.portRing.restorePosition(in) ? VringState.RUNNING : VringState.BROKEN;
        }
    }

    /** Abandons the restored ring: it will not be started. */
    void abandon() {
        ring.state = VringState.STOPPED;
    }

    /**
     * Starts the restored ring on the suspended port.
     *
     * @param queues the port's queues
     * @return whether the ring is broken
     */
    boolean begin(final DeviceQueues queues) {
        if (ring.state == VringState.RUNNING && !ring.waitsToBeEnabled()) {
            final RingAddresses place = ring.portRing.place();
            assert place != null : "a ring that runs has a place";
            ring.run(place);
            return false;
        }
        if (ring.state == VringState.RUNNING) {
            ring.state = VringState.WAITING;
        }
        queues.enableRing(ring.index(), ring.enabled);
        if (ring.state != VringState.BROKEN) {
            return false;
        }
        ring.portRing.signalError(); // the old process may not have sent its signal to the channel
        return true;
    }
}
