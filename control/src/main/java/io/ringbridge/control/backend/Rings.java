package io.ringbridge.control.backend;

import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.BackendRequest;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.protocol.VirtioFeatures;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.os.EventFd;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.InflightRegion;
import io.ringbridge.datapath.ring.RingAddresses;
import io.ringbridge.datapath.ring.RingConfig;
import io.ringbridge.datapath.ring.RingEvents;

import java.util.Arrays;
import java.util.StringJoiner;

/**
 * The rings of one session: started as soon as all that a ring needs has come, in whatever order (vhost-user, "Ring states").
 *
 * <p>Owned by the session's thread. A ring's descriptors are closed only after the port has acknowledged that it lets go of them.
 */
final class Rings implements AutoCloseable {
    private final DeviceQueues port;
    private final boolean discardWhenDisabled;
    private final Vring[] rings;
    private final Inflight inflight;
    private final Journals journals;
    private GuestMemory memory = GuestMemory.NONE;
    private long features;
    private boolean featuresKnown;
    private boolean startEnabled;
    /** Whether the driver is ready, as far as its device status is known; otherwise no ring runs. */
    private boolean driverReady = true;
    private BackendChannel inband;
    /** Where translations are asked for; null where there is nobody to ask. */
    private BackendChannel requests;

    Rings(final DeviceQueues port, final BackendOptions options, final Inflight inflight) {
        this.port = port;
        this.inflight = inflight;
        discardWhenDisabled = options.discardWhenDisabled();
        journals = new Journals(port.port().name(), options.state(), port.limit());
        rings = new Vring[port.limit()];
    }

    /** How many there may be. */
    int limit() {
        return rings.length;
    }

    boolean anyRunning() {
        return Arrays.stream(rings).anyMatch(ring -> ring != null && ring.started);
    }

    /** Whether any is to run, as soon as all is there. */
    boolean anyKicked() {
        return Arrays.stream(rings).anyMatch(ring -> ring != null && ring.kicked && isServed(ring));
    }

    /** The ring of that index, made on first use: front-ends name rings before they set them up. */
    Vring ring(final int index) {
        if (Integer.compareUnsigned(index, port.named()) < 0) {
            return made(index);
        }
        if (wasNamed(index)) {
            throw withoutUse(rings[index]);
        }
        throw ProtocolException.refused("vring " + Integer.toUnsignedString(index) + "; allowed: 0 to "
            + (port.named() - 1));
    }

    /** Whether a ring was named before, perhaps when the features did not say yet that there is none of its index. */
    private boolean wasNamed(final int index) {
        return Integer.compareUnsigned(index, rings.length) < 0 && rings[index] != null;
    }

    /** The ring of an index that is to be kicked, which somebody has to serve. */
    private Vring served(final int index) {
        final Vring ring = ring(index);
        if (featuresKnown && !isServed(ring)) {
            throw withoutUse(ring);
        }
        return ring;
    }

    /** Whether anybody serves a ring with the negotiated features. */
    private boolean isServed(final Vring ring) {
        return port.serves(ring.index) && !isBigEndianControl(ring);
    }

    private boolean isBigEndianControl(final Vring ring) {
        return port.isControl(ring.index) && ring.isBigEndian(features);
    }

    private ProtocolException withoutUse(final Vring ring) {
        return ProtocolException.withoutUse("vring " + ring.index + (isBigEndianControl(ring)
            ? " is a big-endian control queue; only little-endian ones are served"
            : " has no use with the negotiated features " + VirtioFeatures.names(features)));
    }

    /** The ring of an index that was named before, perhaps before the features were known. */
    Vring made(final int index) {
        if (rings[index] == null) {
            rings[index] = new Vring(index);
        }
        return rings[index];
    }

    /** Tells the negotiated features; {@code enabled} says that rings start so, for want of a message to enable them. */
    void features(final long negotiated, final boolean enabled) {
        features = negotiated;
        featuresKnown = true;
        final boolean translated = Features.has(negotiated, Features.ACCESS_PLATFORM);
        if (translated != (memory.iotlb() != null)) {
            memory = memory.through(translated ? Iotlb.EMPTY : null);
        }
        startEnabled = enabled;
        port.features(negotiated);
        startWhatCan();
    }

    void size(final int index, final int size) {
        final Vring ring = ring(index);
        ring.checkStopped();
        if (size <= 0 || size > RingConfig.MAX_SIZE) {
            throw ProtocolException.refused("vring " + index + " of size " + Integer.toUnsignedString(size)
                + "; 1 to " + RingConfig.MAX_SIZE + " is allowed");
        }
        if (featuresKnown) {
            Vring.checkLayout(index, size, 0, isPacked());
        }
        ring.size = size;
        start(ring, true);
    }

    void address(final Message.SetVringAddr at) {
        final Vring ring = ring(at.index());
        Vring.checkAligned(at, isPacked());
        if (!ring.started) {
            ring.address = at;
            start(ring, true);
            return;
        }
        if (memory.iotlb() == null && ring.place(memory, at, isPacked()) == null) {
            throw notInMemory(ring);
        }
        ring.address = at;
        move(memory);
        startWhatCan();
    }

    private static ProtocolException notInMemory(final Vring ring) {
        return ProtocolException.refused("vring " + ring.index + " is not wholly in the guest's memory, or misaligned there");
    }

    void base(final int index, final int base) {
        final Vring ring = ring(index);
        ring.checkStopped();
        if (featuresKnown) {
            Vring.checkLayout(index, ring.size, base, isPacked());
        }
        ring.base = base;
        ring.told = base;
    }

    void endian(final int index, final int order) {
        final Vring ring = ring(index);
        ring.checkStopped();
        ring.endian(order);
    }

    boolean isPacked() {
        return Features.has(features, Features.RING_PACKED);
    }

    /** Stops a ring, and says where it goes on. */
    int stop(final int index) {
        return stop(wasNamed(index) ? rings[index] : ring(index));
    }

    private int stop(final Vring ring) {
        halt(ring);
        ring.kicked = false;
        ring.kick = replace(ring.kick, null);
        ring.call = replace(ring.call, null);
        journals.stopped(ring.index);
        ring.told = ring.base;
        ring.asked.clear();
        if (memory.iotlb() != null && !anyKicked()) {
            memory = memory.through(Iotlb.EMPTY); // front-ends do not tell of what goes while the device is stopped
        }
        return ring.base;
    }

    /** The front-end has been answered. */
    void answered() {
        journals.answered();
    }

    private void halt(final Vring ring) {
        if (ring.started) {
            final boolean broken = !port.started(ring.index);
            final int base = port.stopRing(ring.index);
            if (!broken) {
                ring.base = base;
            } else if (!isPacked()) {
                ring.base = ring.used(features);
            }
            ring.started = false;
        }
    }

    /** Stops all rings where they are until the driver is ready, or starts them. */
    void driverReady(final boolean ready) {
        driverReady = ready;
        for (final Vring ring : rings) {
            if (ring != null && ready) {
                ring.awaitsKick = false;
            } else if (ring != null) {
                haltUntilTold(ring);
            }
        }
        if (ready) {
            startWhatCan();
        }
    }

    /** Stops all rings where they are, each until the front-end starts it again, or {@link #driverReady} does. */
    void awaitKicks() {
        for (final Vring ring : rings) {
            if (ring != null) {
                haltUntilTold(ring);
                ring.awaitsKick = true;
            }
        }
    }

    /** Stops a ring until all its parts are told of again; one that broke stays stopped. */
    private void haltUntilTold(final Vring ring) {
        ring.kicked &= !ring.started || port.started(ring.index);
        halt(ring);
        ring.asked.clear();
    }

    void enable(final int index, final int value) {
        final Vring ring = ring(index);
        if (value != 0 && value != 1) {
            throw ProtocolException.refused("vring " + index + " enabled with " + Integer.toUnsignedString(value) + "; allowed: 0 and 1");
        }
        ring.enabled = value != 0;
        if (waits(ring)) {
            halt(ring);
        }
        port.enableRing(index, ring.enabled);
        start(ring, true);
    }

    /** Whether a ring is disabled, and its frames wait instead of being discarded. */
    boolean waits(final Vring ring) {
        return !ring.enabled && !discardWhenDisabled && ring.transmits();
    }

    /** Takes over a ring's descriptor; {@code event} is null where the front-end wants none. */
    void event(final Request which, final int index, final PeerEvent event) {
        final Vring ring;
        try {
            ring = which == Request.SET_VRING_KICK ? served(index) : ring(index);
        } catch (final ProtocolException e) {
            replace(event, null);
            throw e;
        }
        final PeerEvent old = ring.event(which, event);
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
        final Vring ring = served(index);
        if (ring.kick == null) {
            event(Request.SET_VRING_KICK, index, new PeerEvent.Direct(EventFd.create()));
        }
        ring.kick.event().signal();
        ring.kicked();
        start(ring, false);
    }

    /**
     * Says where the back-end's own requests go.
     *
     * @param notifications what stands in for call and error descriptors that the front-end does not give; null where nothing does
     * @param translations where translations are asked for; null where they cannot be
     */
    void channels(final BackendChannel notifications, final BackendChannel translations) {
        final boolean asksAnew = requests != translations;
        final boolean changes = inband != notifications || asksAnew && memory.iotlb() != null;
        inband = notifications;
        requests = translations;
        for (final Vring ring : rings) {
            if (ring != null && asksAnew) {
                ring.translations = null;
                ring.asked.clear();
            }
            if (ring != null && ring.started && changes) {
                port.ringEvents(ring.index, events(ring));
            }
        }
    }

    RingEvents events(final Vring ring) {
        if (ring.translations == null && memory.iotlb() != null && requests != null) {
            ring.translations = new TranslationRequests(requests, port.port(), ring.index);
        }
        return new RingEvents(event(ring.kick),
            ring.call != null || inband == null ? event(ring.call) : inband.event(BackendRequest.VRING_CALL, ring.index),
            ring.error != null || inband == null ? event(ring.error) : inband.event(BackendRequest.VRING_ERR, ring.index),
            ring.translations);
    }

    private static EventFd event(final PeerEvent given) {
        return given == null ? null : given.event();
    }

    private static PeerEvent replace(final PeerEvent old, final PeerEvent by) {
        if (old != null) {
            old.close();
        }
        return by;
    }

    /** The guest's memory, and what is known of what lies behind its IOMMU, if it has one. */
    GuestMemory memory() {
        return memory;
    }

    /** Takes over translations, which tell of a range what was not told before, and starts the rings that waited for them. */
    void translations(final Iotlb table, final long first, final long last) {
        memory = memory.through(table);
        port.translations(memory, first, last);
        startWhatCan();
    }

    /**
     * Forgets the translations of a range, given by its last address: when this returns, no worker uses them any more. A ring of which a
     * part is there is stopped where it is, until that part is told of again.
     */
    void forget(final long first, final long last) {
        final RingAddresses[] places = new RingAddresses[rings.length];
        for (final Vring ring : rings) {
            if (ring != null && ring.address != null && ring.overlaps(first, last, isPacked())) {
                haltUntilTold(ring);
            }
            if (ring != null && ring.started) {
                places[ring.index] = ring.placed;
            }
        }
        memory = memory.through(memory.iotlb().without(first, last));
        port.remap(memory, places);
        startWhatCan();
    }

    /**
     * Makes every ring work on another memory table. A ring that it does not cover is stopped.
     *
     * @return which rings were stopped; empty when none was, or they only wait for translations
     */
    String remap(final GuestMemory next) {
        return move(memory.iotlb() == null ? next : next.through(memory.iotlb().over(next)));
    }

    private String move(final GuestMemory next) {
        final RingAddresses[] places = new RingAddresses[rings.length];
        final StringJoiner uncovered = new StringJoiner(", ");
        for (final Vring ring : rings) {
            if (next.incoming() != null && ring != null) {
                halt(ring); // starts anew, once its parts have come
            } else if (ring != null && ring.started) {
                places[ring.index] = ring.place(next, ring.address, isPacked());
                if (places[ring.index] == null) {
                    if (next.iotlb() != null) {
                        haltUntilTold(ring);
                    } else {
                        halt(ring);
                        ring.kicked = false;
                        uncovered.add(Integer.toString(ring.index));
                    }
                }
                ring.placed = places[ring.index];
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

    /** Asks for what rings wait for that lies behind an IOMMU, where it could not be asked for before. */
    void askWhatWaits() {
        if (memory.iotlb() != null) {
            Arrays.stream(rings).filter(ring -> ring != null && isComplete(ring) && isServed(ring)).forEach(this::ask);
        }
    }

    /**
     * Counts kicks that no worker has heard, as a busy one does not listen. While nothing has moved: after that nobody
     * wants to know.
     */
    void countKicks() {
        if (port.port().sinceAttached().inFrames() == 0) {
            Arrays.stream(rings).filter(ring -> ring != null && ring.started && ring.transmits())
                .forEach(ring -> port.port().kicked(ring.newKicks()));
        }
    }

    /** Starts every ring that has become complete. */
    void startWhatCan() {
        for (final Vring ring : rings) {
            if (ring != null) {
                start(ring, false);
            }
        }
    }

    /** Whether a stopped ring may start, as far as the front-end has said all there is to say of it, and the driver is ready. */
    private boolean isComplete(final Vring ring) {
        return driverReady && !ring.started && ring.kicked && !ring.awaitsKick
            && ring.size != 0 && ring.address != null && featuresKnown && !memory.regions().isEmpty();
    }

    /** Starts a ring if all is there. Where memory does not cover it, {@code strict} says to refuse rather than to wait for more memory. */
    private void start(final Vring ring, final boolean strict) {
        if (!isComplete(ring)) {
            return;
        }
        if (startEnabled) {
            ring.enabled = true;
        }
        if (waits(ring)) {
            return;
        }
        if (!isServed(ring)) {
            if (strict) {
                throw withoutUse(ring);
            }
            return;
        }
        Vring.checkLayout(ring.index, ring.size, ring.base, isPacked());
        final RingAddresses place = ring.place(memory, ring.address, isPacked());
        if (place == null) {
            if (memory.iotlb() != null) {
                ask(ring);
            } else if (strict) {
                throw notInMemory(ring);
            }
            return;
        }
        run(ring, place);
    }

    /** Starts a ring of which all is there. */
    void run(final Vring ring, final RingAddresses place) {
        final boolean control = port.isControl(ring.index);
        InflightRegion record = control ? null : inflight.region(ring.index, ring.size, isPacked());
        if (record == null && isPacked() && !control) {
            record = journals.begin(ring, place, memory);
        }
        port.enableRing(ring.index, ring.enabled);
        final RingConfig config =
            new RingConfig(ring.size, features, place, ring.base, memory, record, ring.isBigEndian(features));
        port.startRing(ring.index, config, events(ring));
        ring.placed = place;
        ring.started = true;
        ring.hasRun = true;
    }

    private void ask(final Vring ring) {
        TranslationRequests.askFor(ring, memory, isPacked(), port.port(), requests);
    }

    /** The ring of that index if anything was said of it, or null. */
    Vring known(final int index) {
        return rings[index];
    }

    /** Writes down what is known of all rings but the features. */
    void saveNegotiated(final StateWriter out) {
        out.flag(featuresKnown).flag(startEnabled);
    }

    /** Takes over what was negotiated with another process, with nothing started. */
    void restoreNegotiated(final StateReader in, final long negotiated) {
        features = negotiated;
        featuresKnown = in.flag();
        startEnabled = in.flag();
        if (featuresKnown) {
            port.features(negotiated);
        }
    }

    /** Stops and disables every ring, and forgets what was said of them but for the error descriptor, which is not told again. */
    void reset() {
        for (final Vring ring : rings) {
            if (ring != null) {
                stop(ring);
                port.enableRing(ring.index, false);
                ring.forget();
            }
        }
        features = 0;
        featuresKnown = false;
        port.reset();
        memory = memory.through(null);
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
