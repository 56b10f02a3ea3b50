package io.ringbridge.control.backend.ring;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;

import java.util.OptionalInt;

/**
 * Moves the rings of a session from one process to another: first their setup and then, once nothing moves any more,
 * their positions. Used while the session's thread is paused, or has not started.
 */
public final class HandedRings {
    private final DeviceQueues port;
    private final Rings rings;
    private final Inflight inflight;
    private final Relay relay;
    private int pairs;

    public HandedRings(final DeviceQueues port, final Rings rings, final Inflight inflight, final Relay relay) {
        this.port = port;
        this.rings = rings;
        this.inflight = inflight;
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
                restore(rings.getOrCreate(i), in);
            }
        }
    }

    private void restore(final Vring ring, final StateReader in) {
        ring.restore(in, relay);
        if (ring.size > 0) {
            Vring.checkLayout(ring.index, ring.size, ring.base, rings.isPacked());
        }
        if (ring.started) {
            ring.placed = ring.size == 0 || ring.address == null ? null
                : ring.place(rings.memory(), ring.address, rings.isPacked());
            if (ring.placed == null) {
                throw new HandOverException("vring " + ring.index + " runs, but is not wholly in the guest's memory");
            }
            if (port.isControl(ring.index)) {
                return;
            }
            inflight.region(ring.index, ring.size, rings.isPacked()); // throws if the area has no room for the ring
        }
    }

    /** Writes the positions of the started rings. The port is suspended. */
    public void savePositions(final StateWriter out) {
        for (int i = 0; i < rings.limit(); i++) {
            final Vring ring = rings.known(i);
            if (ring != null && ring.started) {
                final OptionalInt position = port.position(i);
                out.flag(port.started(i)).flag(position.isPresent()).number(position.orElse(0));
            }
        }
    }

    /**
     * Reads the positions of the started rings. A ring that has not run starts here as a new ring, from its in-flight
     * record.
     */
    public void restorePositions(final StateReader in) {
        for (int i = 0; i < rings.limit(); i++) {
            final Vring ring = rings.known(i);
            if (ring != null && ring.started) {
                ring.broken = !in.flag();
                ring.hasRun = in.flag();
                final int position = in.number();
                if (ring.hasRun) {
                    Vring.checkLayout(i, ring.size, position, rings.isPacked());
                    ring.base = position;
                }
            }
        }
    }

    /** Abandons all rings: none will be started. */
    public void abandon() {
        for (int i = 0; i < rings.limit(); i++) {
            if (rings.known(i) != null) {
                rings.known(i).started = false;
            }
        }
    }

    /**
     * Starts the restored rings on a suspended port.
     *
     * @return whether any of them is broken
     */
    public boolean begin() {
        boolean broken = false;
        for (int i = 0; i < rings.limit(); i++) {
            final Vring ring = rings.known(i);
            if (ring == null) {
                continue;
            }
            if (ring.started && !ring.broken && !rings.waits(ring)) {
                rings.run(ring, ring.placed);
                continue;
            }
            ring.started &= ring.broken;
            broken |= ring.broken;
            port.enableRing(i, ring.enabled);
            if (ring.broken && rings.events(ring).error() != null) {
                rings.events(ring).error().signal(); // the old process may not have sent its signal to the channel
            }
        }
        port.pairs(pairs);
        rings.startComplete(); // frames that waited in the old process may be discarded in this one
        return broken;
    }
}
