package io.ringbridge.control.backend.ring;

import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;

import java.util.List;

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

    private List<HandedVring> rings() {
        return rings.named().stream().map(HandedVring::new).toList();
    }

    /** Writes the setup of all rings. */
    public void save(final StateWriter out) {
        out.section(HandOverSections.RINGS, section -> {
            rings.saveNegotiated(section);
            section.number(rings.limit()).number(port.pairs());
        });
        rings().forEach(ring -> out.section(HandOverSections.VRING, ring::save));
    }

    /** Reads and checks the setup of all rings. The guest's memory must be restored before. Starts no ring. */
    public void restore(final Sections sections, final long features) {
        final StateReader in = sections.get(HandOverSections.RINGS);
        rings.restoreNegotiated(in, features);
        if (in.number() != rings.limit()) {
            throw new HandOverException("the state has a number of rings other than the " + rings.limit()
                + " of this port");
        }
        pairs = in.number();
        for (final StateReader each : sections.all(HandOverSections.VRING)) {
            final int index = each.count(rings.limit() - 1);
            if (rings.known(index) != null) {
                throw new HandOverException("the state has vring " + index + " twice");
            }
            new HandedVring(rings.getOrCreate(index)).restore(each, relay);
        }
    }

    /** Writes the positions of the started rings. The port is suspended. */
    public void savePositions(final StateWriter out) {
        rings().forEach(ring -> ring.savePosition(out));
    }

    /** Reads the positions of the started rings. */
    public void restorePositions(final StateReader in) {
        rings().forEach(ring -> ring.restorePosition(in));
    }

    /** Abandons all rings: none will be started. */
    public void abandon() {
        rings().forEach(HandedVring::abandon);
    }

    /**
     * Starts the restored rings on a suspended port.
     *
     * @return whether any of them is broken
     */
    public boolean begin() {
        boolean broken = false;
        for (final HandedVring ring : rings()) {
            broken |= ring.begin(port);
        }
        port.pairs(pairs);
        rings.startComplete(); // frames that waited in the old process may be discarded in this one
        return broken;
    }
}
