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
 * The rings of one session. A ring starts as soon as its setup is complete, in any order of messages (vhost-user, "Ring
 * states").
 *
 * <p>Owned by the session's thread. A ring's descriptors are closed only after the port has acknowledged that no worker
 * uses them.
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
    /** The channel for translation requests; null if there is none. */
    private BackendChannel requests;

    Rings(final DeviceQueues port, final BackendOptions options, final Inflight inflight) {
        this.port = port;
        this.inflight = inflight;
        discardWhenDisabled = options.discardWhenDisabled();
        journals = new Journals(port.port().name(), options.state(), port.limit());
        rings = new Vring[port.limit()];
    }

    /** Returns the largest number of rings. */
    int limit() {
        return rings.length;
    }

    boolean anyRunning() {
        return Arrays.stream(rings).anyMatch(ring -> ring != null && ring.started);
    }

    /** Whether any ring is to start as soon as it is complete. */
    boolean anyKicked() {
        return Arrays.stream(rings).anyMatch(ring -> ring != null && ring.kicked && isServed(ring));
    }

    /** Returns the ring of an index. Creates it on first use, since front-ends name rings before they set them up. */
    Vring ring(final int index) {
        if (Integer.compareUnsigned(index, port.indexCount()) < 0) {
            return getOrCreate(index);
        }
        if (wasNamed(index)) {
            throw unusable(rings[index]);
        }
        throw ProtocolException.refused("vring " + Integer.toUnsignedString(index) + "; allowed: 0 to "
            + (port.indexCount() - 1));
    }

    /** Whether a message has named the ring, perhaps before the features excluded its index. */
    private boolean wasNamed(final int index) {
        return Integer.compareUnsigned(index, rings.length) < 0 && rings[index] != null;
    }

    /** Returns the ring of an index that is to be kicked, if it is served. */
    private Vring served(final int index) {
        final Vring ring = ring(index);
        if (featuresKnown && !isServed(ring)) {
            throw unusable(ring);
        }
        return ring;
    }

    /** Whether a ring is served with the negotiated features. */
    private boolean isServed(final Vring ring) {
        return port.serves(ring.index) && !isBigEndianControl(ring);
    }

    private boolean isBigEndianControl(final Vring ring) {
        return port.isControl(ring.index) && ring.isBigEndian(features);
    }

    private ProtocolException unusable(final Vring ring) {
        return ProtocolException.unusable("vring " + ring.index + (isBigEndianControl(ring)
            ? " is a big-endian control queue; only little-endian ones are served"
            : " has no use with the negotiated features " + VirtioFeatures.names(features)));
    }

    /** Returns the ring of an index, which may have been named before the features were known. */
    Vring getOrCreate(final int index) {
        if (rings[index] == null) {
            rings[index] = new Vring(index);
        }
        return rings[index];
    }

    /**
     * Sets the negotiated features.
     *
     * @param enabled whether rings start enabled, because no message can enable them
     */
    void setFeatures(final long negotiated, final boolean enabled) {
        features = negotiated;
        featuresKnown = true;
        final boolean translated = Features.has(negotiated, Features.ACCESS_PLATFORM);
        if (translated != (memory.iotlb() != null)) {
            memory = memory.withTranslations(translated ? Iotlb.EMPTY : null);
        }
        startEnabled = enabled;
        port.features(negotiated);
        startComplete();
    }

    void setVringNum(final int index, final int size) {
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

    void setVringAddr(final Message.SetVringAddr at) {
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
        startComplete();
    }

    private static ProtocolException notInMemory(final Vring ring) {
        return ProtocolException.refused("vring " + ring.index
            + " is not wholly in the guest's memory, or misaligned there");
    }

    void setVringBase(final int index, final int base) {
        final Vring ring = ring(index);
        ring.checkStopped();
        if (featuresKnown) {
            Vring.checkLayout(index, ring.size, base, isPacked());
        }
        ring.base = base;
        ring.frontEndBase = base;
    }

    void setVringEndian(final int index, final int order) {
        final Vring ring = ring(index);
        ring.checkStopped();
        ring.setEndian(order);
    }

    boolean isPacked() {
        return Features.has(features, Features.RING_PACKED);
    }

    /**
     * Stops a ring.
     *
     * @return the position from which the ring resumes
     */
    int getVringBase(final int index) {
        return stop(wasNamed(index) ? rings[index] : ring(index));
    }

    private int stop(final Vring ring) {
        stopServing(ring);
        ring.kicked = false;
        ring.kick = replace(ring.kick, null);
        ring.call = replace(ring.call, null);
        journals.onStopped(ring.index);
        ring.frontEndBase = ring.base;
        ring.requested.clear();
        if (memory.iotlb() != null && !anyKicked()) {
            // Front-ends do not invalidate translations of a stopped device.
            memory = memory.withTranslations(Iotlb.EMPTY);
        }
        return ring.base;
    }

    /** Called once the reply to a request has been sent. */
    void onReplySent() {
        journals.onReplySent();
    }

    private void stopServing(final Vring ring) {
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

    /** Starts all complete rings if the driver is ready. Otherwise stops all rings at their positions until it is. */
    void setDriverReady(final boolean ready) {
        driverReady = ready;
        for (final Vring ring : rings) {
            if (ring != null && ready) {
                ring.awaitsKick = false;
            } else if (ring != null) {
                stopForNow(ring);
            }
        }
        if (ready) {
            startComplete();
        }
    }

    /** Stops each ring at its position until the front-end kicks it, or until {@link #setDriverReady}. */
    void awaitKicks() {
        for (final Vring ring : rings) {
            if (ring != null) {
                stopForNow(ring);
                ring.awaitsKick = true;
            }
        }
    }

    /** Stops a ring at its position, until it is complete again. A broken ring stays stopped. */
    private void stopForNow(final Vring ring) {
        ring.kicked &= !ring.started || port.started(ring.index);
        stopServing(ring);
        ring.requested.clear();
    }

    void setVringEnable(final int index, final int value) {
        final Vring ring = ring(index);
        if (value != 0 && value != 1) {
            throw ProtocolException.refused("vring " + index + " enabled with " + Integer.toUnsignedString(value)
                + "; allowed: 0 and 1");
        }
        ring.enabled = value != 0;
        if (waits(ring)) {
            stopServing(ring);
        }
        port.enableRing(index, ring.enabled);
        start(ring, true);
    }

    /** Whether a ring is disabled, and its frames wait rather than being discarded. */
    boolean waits(final Vring ring) {
        return !ring.enabled && !discardWhenDisabled && ring.transmits();
    }

    /**
     * Sets a descriptor of a ring.
     *
     * @param event null if the front-end wants none
     */
    void setVringFd(final Request which, final int index, final PeerEvent event) {
        final Vring ring;
        try {
            ring = which == Request.SET_VRING_KICK ? served(index) : ring(index);
        } catch (final ProtocolException e) {
            replace(event, null);
            throw e;
        }
        final PeerEvent old = ring.replaceEvent(which, event);
        if (ring.started) {
            port.ringEvents(index, events(ring));
        }
        replace(old, event);
        start(ring, true);
    }

    /** Serves VRING_KICK: signals the ring's kick event, which is created if the front-end provided none. */
    void vringKick(final int index, final int num) {
        if (num != 0) {
            throw ProtocolException.refused("vring " + index + " kicked with " + Integer.toUnsignedString(num)
                + "; only 0 is allowed");
        }
        final Vring ring = served(index);
        if (ring.kick == null) {
            setVringFd(Request.SET_VRING_KICK, index, new PeerEvent.Direct(EventFd.create()));
        }
        ring.kick.event().signal();
        ring.markKicked();
        start(ring, false);
    }

    /**
     * Sets the channels for the back-end's own requests.
     *
     * @param notifications replaces call and error descriptors that the front-end does not provide; null for nothing
     * @param translations carries requests for translations; null if there can be none
     */
    void setChannels(final BackendChannel notifications, final BackendChannel translations) {
        final boolean requestsAgain = requests != translations;
        final boolean changes = inband != notifications || requestsAgain && memory.iotlb() != null;
        inband = notifications;
        requests = translations;
        for (final Vring ring : rings) {
            if (ring != null && requestsAgain) {
                ring.translations = null;
                ring.requested.clear();
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
            event(ring.call, BackendRequest.VRING_CALL, ring.index),
            event(ring.error, BackendRequest.VRING_ERR, ring.index),
            ring.translations);
    }

    private EventFd event(final PeerEvent given, final BackendRequest instead, final int index) {
        return given != null || inband == null ? event(given) : inband.event(instead, index);
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

    /** Returns the guest's memory, with its translations if the guest is behind an IOMMU. */
    GuestMemory memory() {
        return memory;
    }

    /** Adds translations of a range that had none, and starts the rings that waited for them. */
    void addTranslations(final Iotlb table, final long first, final long last) {
        memory = memory.withTranslations(table);
        port.translations(memory, first, last);
        startComplete();
    }

    /**
     * Removes the translations of the range from {@code first} to {@code last}, inclusive. When this returns, no worker
     * uses them any more. A ring with a part in the range is stopped at its position until that part is mapped again.
     */
    void removeTranslations(final long first, final long last) {
        final RingAddresses[] places = new RingAddresses[rings.length];
        for (final Vring ring : rings) {
            if (ring != null && ring.address != null && ring.overlaps(first, last, isPacked())) {
                stopForNow(ring);
            }
            if (ring != null && ring.started) {
                places[ring.index] = ring.placed;
            }
        }
        memory = memory.withTranslations(memory.iotlb().without(first, last));
        port.remap(memory, places);
        startComplete();
    }

    /**
     * Moves every ring to another memory table. A ring that the table does not cover is stopped.
     *
     * @return the indices of rings that were stopped; empty if there are none, or if they only wait for translations
     */
    String remap(final GuestMemory next) {
        return move(memory.iotlb() == null ? next : next.withTranslations(memory.iotlb().over(next)));
    }

    private String move(final GuestMemory next) {
        final RingAddresses[] places = new RingAddresses[rings.length];
        final StringJoiner uncovered = new StringJoiner(", ");
        for (final Vring ring : rings) {
            if (next.incoming() != null && ring != null) {
                stopServing(ring); // starts again once its pages have arrived
            } else if (ring != null && ring.started) {
                places[ring.index] = ring.place(next, ring.address, isPacked());
                if (places[ring.index] == null) {
                    if (next.iotlb() != null) {
                        stopForNow(ring);
                    } else {
                        stopServing(ring);
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
                journals.move(i, places[i], next);
            }
        }
        return uncovered.toString();
    }

    /** Requests the translations that rings need to start, unless they have been requested already. */
    void requestTranslations() {
        if (memory.iotlb() != null) {
            Arrays.stream(rings)
                .filter(ring -> ring != null && isComplete(ring) && isServed(ring))
                .forEach(this::requestTranslations);
        }
    }

    /**
     * Counts kicks that no worker has received, since a busy worker does not read its events. The count matters only
     * until the first frame moves.
     */
    void countKicks() {
        if (port.port().sinceAttached().inFrames() == 0) {
            Arrays.stream(rings).filter(ring -> ring != null && ring.started && ring.transmits())
                .forEach(ring -> port.port().countKicks(ring.newKicks()));
        }
    }

    /** Starts every ring that has become complete. */
    void startComplete() {
        for (final Vring ring : rings) {
            if (ring != null) {
                start(ring, false);
            }
        }
    }

    /** Whether a stopped ring may start: the front-end has set it up completely, and the driver is ready. */
    private boolean isComplete(final Vring ring) {
        return driverReady && !ring.started && ring.kicked && !ring.awaitsKick
            && ring.size != 0 && ring.address != null && featuresKnown && !memory.regions().isEmpty();
    }

    /**
     * Starts a ring if it is complete.
     *
     * @param strict whether to throw, rather than wait for more memory, if memory does not cover the ring
     */
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
                throw unusable(ring);
            }
            return;
        }
        Vring.checkLayout(ring.index, ring.size, ring.base, isPacked());
        final RingAddresses place = ring.place(memory, ring.address, isPacked());
        if (place == null) {
            if (memory.iotlb() != null) {
                requestTranslations(ring);
            } else if (strict) {
                throw notInMemory(ring);
            }
            return;
        }
        run(ring, place);
    }

    /** Starts a complete ring at its addresses in this process. */
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

    private void requestTranslations(final Vring ring) {
        TranslationRequests.requestFor(ring, memory, isPacked(), port.port(), requests);
    }

    /** Returns the ring of an index, or null if no message has named it. */
    Vring known(final int index) {
        return rings[index];
    }

    /** Writes the negotiated state that all rings share, except for the features. */
    void saveNegotiated(final StateWriter out) {
        out.flag(featuresKnown).flag(startEnabled);
    }

    /** Restores the state negotiated with another process. Starts no ring. */
    void restoreNegotiated(final StateReader in, final long negotiated) {
        features = negotiated;
        featuresKnown = in.flag();
        startEnabled = in.flag();
        if (featuresKnown) {
            port.features(negotiated);
        }
    }

    /** Stops and disables every ring, and clears its setup except for the error descriptor, which is not sent again. */
    void reset() {
        for (final Vring ring : rings) {
            if (ring != null) {
                stop(ring);
                port.enableRing(ring.index, false);
                ring.reset();
            }
        }
        features = 0;
        featuresKnown = false;
        port.reset();
        memory = memory.withTranslations(null);
    }

    /** Closes every descriptor. The port must be detached before. */
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
