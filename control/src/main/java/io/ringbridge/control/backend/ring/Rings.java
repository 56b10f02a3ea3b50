package io.ringbridge.control.backend.ring;

import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.Message;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingAddresses;
import org.jspecify.annotations.Nullable;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.StringJoiner;

/**
 * The rings of one session. A ring starts as soon as its setup is complete, in any order of messages (vhost-user, "Ring
 * states").
 *
 * <p>Owned by the session's thread. A ring's descriptors are closed only after the port has acknowledged that no worker
 * uses them.
 */
public final class Rings implements AutoCloseable {
    private final DeviceQueues port;
    private final Journals journals;
    private final SharedSetup shared;
    private final @Nullable Vring[] rings;

    /**
     * Creates the rings of a device, none of which is set up.
     *
     * @param discardWhenDisabled whether frames of a started, disabled transmit ring are discarded, rather than wait
     * @param state the directory for the journals of packed rings; null for no journals
     */
    public Rings(final DeviceQueues port, final boolean discardWhenDisabled, final @Nullable Path state,
                 final Inflight inflight) {
        this.port = port;
        journals = new Journals(port.port().name(), state, port.limit());
        shared = new SharedSetup(port, discardWhenDisabled, inflight, journals);
        rings = new Vring[port.limit()];
    }

    /** Returns the largest number of rings. */
    public int limit() {
        return rings.length;
    }

    /** Returns the rings that messages have named, by index. */
    List<Vring> named() {
        return Arrays.stream(rings).filter(Objects::nonNull).toList();
    }

    /**
     * Returns the ring of an index, or null if no message has named it. One may have done so before the features
     * excluded the index.
     */
    @Nullable Vring known(final int index) {
        return Integer.compareUnsigned(index, rings.length) < 0 ? rings[index] : null;
    }

    public boolean anyRunning() {
        return named().stream().anyMatch(Vring::isStarted);
    }

    /** Whether the front-end has started any ring, even if the ring cannot run yet. */
    public boolean anyKicked() {
        return named().stream().anyMatch(Vring::isWanted);
    }

    /** Returns the ring of an index. Creates it on first use, since front-ends name rings before they set them up. */
    private Vring ring(final int index) {
        if (Integer.compareUnsigned(index, port.indexCount()) < 0) {
            return getOrCreate(index);
        }
        final Vring excluded = known(index);
        if (excluded != null) {
            throw excluded.unusable();
        }
        throw ProtocolException.refused("vring " + Integer.toUnsignedString(index) + "; allowed: 0 to "
            + (port.indexCount() - 1));
    }

    /** Returns the ring of an index, which may have been named before the features were known. */
    Vring getOrCreate(final int index) {
        final Vring known = rings[index];
        if (known != null) {
            return known;
        }
        final Vring created = new Vring(index, shared);
        rings[index] = created;
        return created;
    }

    /**
     * Sets the negotiated features.
     *
     * @param enabled whether rings start enabled, because no message can enable them
     */
    public void setFeatures(final long negotiated, final boolean enabled) {
        shared.setFeatures(negotiated, enabled);
        final boolean translated = Features.has(negotiated, Features.ACCESS_PLATFORM);
        if (translated != shared.isTranslated()) {
            shared.setTranslations(translated ? Iotlb.EMPTY : null);
        }
        port.features(negotiated);
        startComplete();
    }

    public void setVringNum(final int index, final int num) {
        ring(index).setNum(num);
    }

    public void setVringAddr(final Message.SetVringAddr at) {
        if (ring(at.index()).setAddr(at)) {
            move(shared.memory());
            startComplete();
        }
    }

    public void setVringBase(final int index, final int base) {
        ring(index).setBase(base);
    }

    public void setVringEndian(final int index, final int order) {
        ring(index).setEndian(order);
    }

    /**
     * Stops a ring.
     *
     * @return the position from which the ring resumes
     */
    public int getVringBase(final int index) {
        final Vring known = known(index);
        final Vring ring = known != null ? known : ring(index);
        final int base = ring.stop();
        if (shared.isTranslated() && !anyKicked()) {
            shared.setTranslations(Iotlb.EMPTY); // front-ends do not invalidate translations of a stopped device
        }
        return base;
    }

    /** Called once the reply to a request has been sent. */
    public void onReplySent() {
        journals.onReplySent();
    }

    /** Starts all complete rings if the driver is ready. Otherwise stops all rings at their positions until it is. */
    public void setDriverReady(final boolean ready) {
        shared.setDriverReady(ready);
        named().forEach(ready ? Vring::onDriverReady : Vring::stopForNow);
        if (ready) {
            startComplete();
        }
    }

    /** Stops each ring at its position until the front-end kicks it, or until {@link #setDriverReady}. */
    public void awaitKicks() {
        named().forEach(Vring::awaitKick);
    }

    public void setVringEnable(final int index, final int value) {
        ring(index).setEnable(value);
    }

    /**
     * Sets a descriptor of a ring.
     *
     * @param event closed if this method throws; null if the front-end wants none
     */
    public void setVringFd(final Request which, final int index, final @Nullable PeerEvent event) {
        final Vring ring;
        try {
            ring = ring(index);
            if (which == Request.SET_VRING_KICK) {
                ring.checkServed();
            }
        } catch (final ProtocolException e) {
            if (event != null) {
                event.close();
            }
            throw e;
        }
        ring.setFd(which, event);
    }

    /** Serves VRING_KICK: signals the ring's kick event, which is created if the front-end provided none. */
    public void vringKick(final int index, final int num) {
        ring(index).kick(num);
    }

    /**
     * Sets the channels for the back-end's own requests.
     *
     * @param notifications replaces call and error descriptors that the front-end does not provide
     * @param translations carries requests for translations
     */
    public void setChannels(final BackendChannel notifications, final BackendChannel translations) {
        final boolean requestsAgain = !shared.requests().equals(translations);
        final boolean changes = !shared.notifications().equals(notifications)
            || requestsAgain && shared.isTranslated();
        shared.setChannels(notifications, translations);
        for (final Vring ring : named()) {
            if (requestsAgain) {
                ring.forgetRequests();
            }
            if (changes) {
                ring.refreshEvents();
            }
        }
    }

    /** Returns the guest's memory, with its translations if the guest is behind an IOMMU. */
    GuestMemory memory() {
        return shared.memory();
    }

    /** Returns the translations of a guest that is behind an IOMMU. */
    Iotlb translations() {
        return shared.translations();
    }

    /** Adds translations of a range that had none, and starts the rings that waited for them. */
    void addTranslations(final Iotlb table, final long first, final long last) {
        shared.setTranslations(table);
        port.translations(shared.memory(), first, last);
        startComplete();
    }

    /**
     * Removes the translations of the range from {@code first} to {@code last}, inclusive. When this returns, no worker
     * uses them any more. A ring with a part in the range is stopped at its position until that part is mapped again.
     */
    void removeTranslations(final long first, final long last) {
        final @Nullable RingAddresses[] places = new RingAddresses[rings.length];
        for (final Vring ring : named()) {
            ring.stopIfIn(first, last);
            places[ring.index()] = ring.place();
        }
        shared.setTranslations(shared.translations().without(first, last));
        port.remap(shared.memory(), places);
        startComplete();
    }

    /**
     * Moves every ring to another memory table. A ring that the table does not cover is stopped.
     *
     * @return the indices of rings that were stopped; empty if there are none, or if they only wait for translations
     */
    public String remap(final GuestMemory next) {
        return move(shared.isTranslated() ? next.withTranslations(shared.translations().over(next)) : next);
    }

    private String move(final GuestMemory next) {
        final @Nullable RingAddresses[] places = new RingAddresses[rings.length];
        final StringJoiner uncovered = new StringJoiner(", ");
        for (final Vring ring : named()) {
            if (!ring.moveTo(next)) {
                uncovered.add(Integer.toString(ring.index()));
            }
            places[ring.index()] = ring.place();
        }
        port.remap(next, places);
        shared.setMemory(next);
        for (int i = 0; i < places.length; i++) {
            final RingAddresses place = places[i];
            if (place != null) {
                journals.move(i, place, next);
            }
        }
        return uncovered.toString();
    }

    /** Requests the translations that rings need to start, unless they have been requested already. */
    public void requestTranslations() {
        if (shared.isTranslated()) {
            named().forEach(Vring::requestMissing);
        }
    }

    /**
     * Counts kicks that no worker has received, since a busy worker does not read its events. The count matters only
     * until the first frame moves.
     */
    public void countKicks() {
        if (port.port().sinceAttached().inFrames() == 0) {
            named().forEach(ring -> port.port().activity().countKicks(ring.newKicks()));
        }
    }

    /** Starts every ring that has become complete. */
    public void startComplete() {
        named().forEach(ring -> ring.start(false));
    }

    /** Writes the negotiated state that all rings share, except for the features. */
    void saveNegotiated(final StateWriter out) {
        shared.saveNegotiated(out);
    }

    /** Restores the state negotiated with another process. Starts no ring. */
    void restoreNegotiated(final StateReader in, final long negotiated) {
        shared.restoreNegotiated(in, negotiated);
    }

    /** Stops and disables every ring, and clears its setup except for the error descriptor, which is not sent again. */
    public void reset() {
        named().forEach(Vring::reset);
        shared.forgetFeatures();
        port.reset();
        shared.setTranslations(null);
    }

    /** Closes every descriptor. The port must be detached before. */
    @Override
    public void close() {
        journals.close();
        named().forEach(Vring::close);
    }
}
