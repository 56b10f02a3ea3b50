package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.InflightRegion;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.datapath.ring.RingEvents;

import java.util.StringJoiner;

/**
 * The rings of one session: started as soon as all that a ring needs has come, in whatever order (vhost-user, "Ring states").
 *
 * <p>Owned by the session's thread. A ring's descriptors are closed only after the port has acknowledged that it lets go of them.
 */
final class Rings implements AutoCloseable {
    private static final int USED_IDX = 2;
    private static final int MAX_SPLIT_BASE = 0xFFFF;
    private static final int POSITION = 0x7FFF;

    private final GuestPort port;
    private final boolean discardWhenDisabled;
    private final Vring[] rings;
    private final Inflight inflight;
    private final Journals journals;
    private GuestMemory memory = GuestMemory.NONE;
    private long features;
    private boolean featuresKnown;
    private boolean startEnabled;
    private BackendChannel inband;

    Rings(final GuestPort port, final BackendOptions options, final Inflight inflight) {
        this.port = port;
        this.inflight = inflight;
        discardWhenDisabled = options.discardWhenDisabled();
        journals = new Journals(port.name(), options.state(), 2 * port.queuePairs());
        rings = new Vring[2 * port.queuePairs()];
    }

    /** How many there may be. */
    int limit() {
        return rings.length;
    }

    boolean anyRunning() {
        for (final Vring ring : rings) {
            if (ring != null && ring.started) {
                return true;
            }
        }
        return false;
    }

    /** The ring of that index, made on first use: front-ends name rings before they set them up. */
    private Vring ring(final int index) {
        if (Integer.compareUnsigned(index, rings.length) >= 0) {
            throw ProtocolException.refused("vring " + Integer.toUnsignedString(index) + "; allowed: 0 to " + (rings.length - 1));
        }
        if (rings[index] == null) {
            rings[index] = new Vring(index);
        }
        return rings[index];
    }

    private static void needStopped(final Vring ring) {
        if (ring.started) {
            throw ProtocolException.refused("vring " + ring.index + " runs; this is allowed while it is stopped");
        }
    }

    /** Tells the negotiated features; {@code enabled} says that rings start so, for want of a message to enable them. */
    void features(final long negotiated, final boolean enabled) {
        features = negotiated;
        featuresKnown = true;
        startEnabled = enabled;
        startWhatCan();
    }

    void size(final int index, final int size) {
        final Vring ring = ring(index);
        needStopped(ring);
        if (size <= 0 || size > RingConfig.MAX_SIZE) {
            throw ProtocolException.refused("vring " + index + " of size " + Integer.toUnsignedString(size)
                + "; 1 to " + RingConfig.MAX_SIZE + " is allowed");
        }
        if (featuresKnown) {
            checkLayout(index, size, 0);
        }
        ring.size = size;
        start(ring, true);
    }

    void address(final Message.SetVringAddr at) {
        final Vring ring = ring(at.index());
        if (!Vring.aligned(at, isPacked())) {
            throw ProtocolException.refused("vring " + ring.index + " is misaligned: descriptors 0x" + Long.toHexString(at.descriptor())
                + ", available 0x" + Long.toHexString(at.available()) + ", used 0x" + Long.toHexString(at.used())
                + "; multiples of 16, " + (isPacked() ? 4 : 2) + " and 4 are allowed");
        }
        if (!ring.started) {
            ring.address = at;
            start(ring, true);
            return;
        }
        if (ring.place(memory, at, isPacked()) == null) {
            throw notInMemory(ring);
        }
        ring.address = at;
        remap(memory);
    }

    private static ProtocolException notInMemory(final Vring ring) {
        return ProtocolException.refused("vring " + ring.index + " is not wholly in the guest's memory, or misaligned there");
    }

    void base(final int index, final int base) {
        final Vring ring = ring(index);
        needStopped(ring);
        if (featuresKnown) {
            checkLayout(index, ring.size, base);
        }
        ring.base = base;
        ring.told = base;
    }

    private boolean isPacked() {
        return Features.has(features, Features.RING_PACKED);
    }

    /**
     * Checks what is allowed in one layout only, now or, where the features come later, when the ring is to start.
     *
     * @param size 0 where it is not known
     */
    private void checkLayout(final int index, final int size, final int base) {
        if (!isPacked() && Integer.bitCount(size) > 1) {
            throw ProtocolException.refused("vring " + index + " of size " + size + "; a split ring's is a power of two");
        }
        if (!isPacked() && Integer.compareUnsigned(base, MAX_SPLIT_BASE) > 0) {
            throw ProtocolException.refused("vring " + index + " with base " + Integer.toUnsignedString(base) + "; allowed: 0 to "
                + MAX_SPLIT_BASE);
        }
        if (isPacked() && size > 0 && ((base & POSITION) >= size || (base >>> 16 & POSITION) >= size)) {
            throw ProtocolException.refused("vring " + index + " with base 0x" + Integer.toHexString(base) + "; positions in a ring of "
                + size + " are below that");
        }
    }

    /** Stops a ring, and says where it goes on. */
    int stop(final int index) {
        final Vring ring = ring(index);
        halt(ring);
        ring.kicked = false;
        ring.kick = replace(ring.kick, null);
        ring.call = replace(ring.call, null);
        journals.end(index); // the front-end knows it now
        ring.told = ring.base;
        return ring.base;
    }

    private void halt(final Vring ring) {
        if (ring.started) {
            final boolean broken = !port.queues().get(ring.index).started();
            final int base = port.stopRing(ring.index);
            if (!isPacked() && base == RingConfig.USED_INDEX) {
                ring.hasRun = false; // nor in this start: the port was suspended
            } else if (!broken) {
                ring.base = base;
            } else if (!isPacked()) {
                ring.base = used(ring.place(memory, ring.address, false));
            }
            ring.started = false;
        }
    }

    private static int used(final RingAddresses place) {
        return Memory.getShort(place.device() + USED_IDX) & MAX_SPLIT_BASE;
    }

    void enable(final int index, final int value) {
        final Vring ring = ring(index);
        if (value != 0 && value != 1) {
            throw ProtocolException.refused("vring " + index + " enabled with " + Integer.toUnsignedString(value) + "; allowed: 0 and 1");
        }
        ring.enabled = value != 0;
        if (!ring.enabled && waitsWhileDisabled(ring)) {
            halt(ring);
        }
        port.enableRing(index, ring.enabled);
        start(ring, true);
    }

    private boolean waitsWhileDisabled(final Vring ring) {
        return !discardWhenDisabled && ring.transmits();
    }

    /** Takes over a ring's descriptor; {@code event} is null where the front-end wants none. */
    void event(final Request which, final int index, final EventFd event) {
        final Vring ring;
        try {
            ring = ring(index);
        } catch (final ProtocolException e) {
            replace(event, null);
            throw e;
        }
        final EventFd old;
        switch (which) {
            case SET_VRING_KICK -> {
                old = ring.kick;
                ring.kick = event;
                ring.kicked = true;
            }
            case SET_VRING_CALL -> {
                old = ring.call;
                ring.call = event;
            }
            default -> {
                old = ring.error;
                ring.error = event;
            }
        }
        if (ring.started) {
            port.ringEvents(index, events(ring));
        }
        replace(old, event);
        start(ring, true);
    }

    /** VRING_KICK: as a signal on the ring's kick, which is made where the front-end gave none. */
    void kick(final int index, final int num) {
        if (num != 0) {
            throw ProtocolException.refused("vring " + index + " kicked with " + Integer.toUnsignedString(num) + "; 0 is allowed");
        }
        final Vring ring = ring(index);
        if (ring.kick == null) {
            event(Request.SET_VRING_KICK, index, EventFd.create());
        }
        ring.kick.signal();
    }

    /** Says what stands in for call and error descriptors that the front-end does not give; null where nothing does. */
    void inband(final BackendChannel channel) {
        if (inband == channel) {
            return;
        }
        inband = channel;
        for (final Vring ring : rings) {
            if (ring != null && ring.started) {
                port.ringEvents(ring.index, events(ring));
            }
        }
    }

    private RingEvents events(final Vring ring) {
        return inband == null ? new RingEvents(ring.kick, ring.call, ring.error) : new RingEvents(ring.kick,
            ring.call != null ? ring.call : inband.event(BackendRequest.VRING_CALL, ring.index),
            ring.error != null ? ring.error : inband.event(BackendRequest.VRING_ERR, ring.index));
    }

    private static EventFd replace(final EventFd old, final EventFd by) {
        if (old != null) {
            old.close();
        }
        return by;
    }

    /**
     * Makes every ring work on another memory table. A ring that it does not cover is stopped.
     *
     * @return which rings were stopped; empty when none was
     */
    String remap(final GuestMemory next) {
        final RingAddresses[] places = new RingAddresses[rings.length];
        final StringJoiner uncovered = new StringJoiner(", ");
        for (final Vring ring : rings) {
            if (ring != null && ring.started) {
                places[ring.index] = ring.place(next, ring.address, isPacked());
                if (places[ring.index] == null) {
                    halt(ring);
                    ring.kicked = false;
                    uncovered.add(Integer.toString(ring.index));
                }
            }
        }
        port.remap(next, places);
        memory = next;
        for (int i = 0; i < places.length; i++) {
            if (places[i] != null) {
                journals.moved(i, places[i], next);
            }
        }
        return uncovered.toString();
    }

    /** Starts every ring that has become complete. */
    void startWhatCan() {
        for (final Vring ring : rings) {
            if (ring != null) {
                start(ring, false);
            }
        }
    }

    /** Starts a ring if all is there. Where memory does not cover it, {@code strict} says to refuse rather than to wait for more memory. */
    private void start(final Vring ring, final boolean strict) {
        if (ring.started || !ring.kicked || ring.size == 0 || ring.address == null || !featuresKnown || memory.regions().isEmpty()) {
            return;
        }
        if (startEnabled) {
            ring.enabled = true;
        }
        if (!ring.enabled && waitsWhileDisabled(ring)) {
            return;
        }
        checkLayout(ring.index, ring.size, ring.base);
        final RingAddresses place = ring.place(memory, ring.address, isPacked());
        if (place == null) {
            if (strict) {
                throw notInMemory(ring);
            }
            return;
        }
        InflightRegion record = inflight.region(ring.index, ring.size, isPacked());
        if (record == null && isPacked()) {
            record = journals.begin(ring, place, memory);
        }
        // A back-end that has restarted is told 0 by front-ends that do not keep count: what is used tells better.
        final int base = ring.base == 0 && !ring.hasRun && !isPacked() ? RingConfig.USED_INDEX : ring.base;
        port.enableRing(ring.index, ring.enabled);
        port.startRing(ring.index, new RingConfig(ring.size, features, place, base, memory, record), events(ring));
        ring.started = true;
        ring.hasRun = true;
    }

    /** Stops and disables every ring, and forgets what was said of them but for the error descriptor, which is not told again. */
    void reset() {
        for (final Vring ring : rings) {
            if (ring != null) {
                stop(ring.index);
                port.enableRing(ring.index, false);
                ring.enabled = false;
                ring.size = 0;
                ring.address = null;
                ring.base = 0;
                ring.told = 0;
            }
        }
        features = 0;
        featuresKnown = false;
    }

    /** Closes every descriptor; the port has to be detached before. */
    @Override
    public void close() {
        journals.close();
        for (final Vring ring : rings) {
            if (ring != null) {
                ring.kick = replace(ring.kick, null);
                ring.call = replace(ring.call, null);
                ring.error = replace(ring.error, null);
            }
        }
    }
}
