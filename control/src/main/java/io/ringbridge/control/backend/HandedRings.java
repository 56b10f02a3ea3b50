package io.ringbridge.control.backend;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;

import java.util.OptionalInt;

/**
 * The rings of a session on their way from one process to another: first what the front-end has said of them, and then, once nothing
 * moves any more, where they stand. Used while the session's thread stands still, or has not begun.
 */
final class HandedRings {
    private final DeviceQueues port;
    private final Rings rings;
    private final Inflight inflight;
    private final Relay relay;
    private int pairs;

    HandedRings(final DeviceQueues port, final Rings rings, final Inflight inflight, final Relay relay) {
        this.port = port;
        this.rings = rings;
        this.inflight = inflight;
        this.relay = relay;
    }

    /** Writes down all but where they stand. */
    void save(final StateWriter out) {
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

    /** Takes over, and checks, what was said to another process; the memory is there. Nothing is started. */
    void restore(final StateReader in, final long features) {
        rings.restoreNegotiated(in, features);
        if (in.number() != rings.limit()) {
            throw new HandOverException("another number of rings than the " + rings.limit() + " of this port");
        }
        pairs = in.number();
        for (int i = 0; i < rings.limit(); i++) {
            if (in.flag()) {
                restore(rings.made(i), in);
            }
        }
    }

    private void restore(final Vring ring, final StateReader in) {
        ring.restore(in, relay);
        if (ring.size > 0) {
            Vring.checkLayout(ring.index, ring.size, ring.base, rings.isPacked());
        }
        if (ring.started) {
            ring.placed = ring.size == 0 || ring.address == null ? null : ring.place(rings.memory(), ring.address, rings.isPacked());
            if (ring.placed == null) {
                throw new HandOverException("vring " + ring.index + " runs, and is not wholly in the guest's memory");
            }
            if (port.isControl(ring.index)) {
                return;
            }
            inflight.region(ring.index, ring.size, rings.isPacked()); // refuses one that has no room for it
        }
    }

    /** Writes down where those stand that are started; the port is suspended. */
    void savePositions(final StateWriter out) {
        for (int i = 0; i < rings.limit(); i++) {
            final Vring ring = rings.known(i);
            if (ring != null && ring.started) {
                final OptionalInt position = port.position(i);
                out.flag(port.started(i)).flag(position.isPresent()).number(position.orElse(0));
            }
        }
    }

    /** Takes over where they stand. One that has not run goes on as one that is started here, with what its record says. */
    void restorePositions(final StateReader in) {
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

    /** Gives up all that was to be taken over. */
    void forget() {
        for (int i = 0; i < rings.limit(); i++) {
            if (rings.known(i) != null) {
                rings.known(i).started = false;
            }
        }
    }

    /**
     * Starts, on a suspended port, those that were taken over.
     *
     * @return whether one of them is broken
     */
    boolean begin() {
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
                rings.events(ring).error().signal(); // the signal to a channel may not have come so far
            }
        }
        port.pairs(pairs);
        rings.startWhatCan(); // what waited there may be discarded here
        return broken;
    }
}
