package io.ringbridge.control.backend.ring;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;

/**
 * Moves the rings of a session from one process to another: first their setup and then, once nothing moves any more,
 * their positions. Used while the session's thread is paused, or has not started.
 */
public final class HandedRings {
    private final DeviceQueues port;
    private final Rings rings;
    private final Relay relay;
    private int pairs;

    public HandedRings(final DeviceQueues port, final Rings rings, final Relay relay) {
        this.port = port;
        this.rings = rings;
        this.relay = relay;
    }

    /** Writes the setup of all rings. */
    public void save(final StateWriter out) {
        rings.saveNegotiated(out);
        out.number(rings.limit()).number(port.pairs());
        for (int i = 0; i < rings.limit(); i++) {
            final Vring ring = rings.known(i);
            out.flag(ring != null);
            if (ring != null) {
                ring.save(out);
            }
        }
    }

    /** Reads and checks the setup of all rings. The guest's memory must be restored before. Starts no ring. */
    public void restore(final StateReader in, final long features) {
        rings.restoreNegotiated(in, features);
        if (in.number() != rings.limit()) {
            throw new HandOverException("the state has a number of rings other than the " + rings.limit()
                + " of this port");
        }
        pairs = in.number();
        for (int i = 0; i < rings.limit(); i++) {
            if (in.flag()) {
                rings.getOrCreate(i).restore(in, relay);
            }
        }
    }

    /** Writes the positions of the started rings. The port is suspended. */
    public void savePositions(final StateWriter out) {
        rings.named().forEach(ring -> ring.savePosition(out));
    }

    /** Reads the positions of the started rings. */
    public void restorePositions(final StateReader in) {
        rings.named().forEach(ring -> ring.restorePosition(in));
    }

    /** Abandons all rings: none will be started. */
    public void abandon() {
        rings.named().forEach(Vring::abandon);
    }

    /**
     * Starts the restored rings on a suspended port.
     *
     * @return whether any of them is broken
     */
    public boolean begin() {
        boolean broken = false;
        for (final Vring ring : rings.named()) {
            broken |= ring.begin();
        }
        port.pairs(pairs);
        rings.startComplete(); // frames that waited in the old process may be discarded in this one
        return broken;
    }
}
