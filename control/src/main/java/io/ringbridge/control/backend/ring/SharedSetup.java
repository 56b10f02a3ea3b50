package io.ringbridge.control.backend.ring;

import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.ring.Features;
import org.jspecify.annotations.Nullable;

/**
 * The setup that all rings of a session share: the features, the guest's memory, the channels, and whether the driver
 * is ready.
 *
 * <p>Owned by the session's thread. {@link Rings} changes it, and each {@link Vring} reads it.
 */
final class SharedSetup {
    private final DeviceQueues queues;
    private final boolean discardWhenDisabled;
    private final Inflight inflight;
    private final Journals journals;
    private GuestMemory memory = GuestMemory.NONE;
    private long features;
    private boolean featuresKnown;
    private boolean startEnabled;
    private boolean driverReady = true;
    private BackendChannel notifications = BackendChannel.NONE;
    private BackendChannel requests = BackendChannel.NONE;

    SharedSetup(final DeviceQueues queues, final boolean discardWhenDisabled, final Inflight inflight,
                final Journals journals) {
        this.queues = queues;
        this.discardWhenDisabled = discardWhenDisabled;
        this.inflight = inflight;
        this.journals = journals;
    }

    DeviceQueues queues() {
        return queues;
    }

    /** Whether frames of a started, disabled transmit ring are discarded, rather than wait. */
    boolean discardsWhenDisabled() {
        return discardWhenDisabled;
    }

    Inflight inflight() {
        return inflight;
    }

    Journals journals() {
        return journals;
    }

    /** Returns the guest's memory, with its translations if the guest is behind an IOMMU. */
    GuestMemory memory() {
        return memory;
    }

    void setMemory(final GuestMemory next) {
        memory = next;
    }

    boolean isTranslated() {
        return memory.iotlb() != null;
    }

    /** Returns the translations of a guest that is behind an IOMMU. */
    Iotlb translations() {
        final Iotlb table = memory.iotlb();
        assert table != null : "the guest is behind an IOMMU";
        return table;
    }

    /** Replaces the translations; null for a guest without an IOMMU. */
    void setTranslations(final @Nullable Iotlb table) {
        memory = memory.withTranslations(table);
    }

    /** Returns the negotiated features; 0 if they are not known. */
    long features() {
        return features;
    }

    boolean areFeaturesKnown() {
        return featuresKnown;
    }

    boolean isPacked() {
        return Features.has(features, Features.RING_PACKED);
    }

    /** Whether rings start enabled, because no message can enable them. */
    boolean startsEnabled() {
        return startEnabled;
    }

    void setFeatures(final long negotiated, final boolean enabled) {
        features = negotiated;
        featuresKnown = true;
        startEnabled = enabled;
    }

    void forgetFeatures() {
        features = 0;
        featuresKnown = false;
    }

    /** Whether the driver is ready, as far as its device status is known; otherwise no ring runs. */
    boolean isDriverReady() {
        return driverReady;
    }

    void setDriverReady(final boolean ready) {
        driverReady = ready;
    }

    /** Returns the channel that replaces call and error descriptors that the front-end does not provide. */
    BackendChannel notifications() {
        return notifications;
    }

    /** Returns the channel for requests for translations. */
    BackendChannel requests() {
        return requests;
    }

    void setChannels(final BackendChannel forNotifications, final BackendChannel forRequests) {
        notifications = forNotifications;
        requests = forRequests;
    }

    /** Writes the negotiated state, except for the features. */
    void saveNegotiated(final StateWriter out) {
        out.flag(featuresKnown).flag(startEnabled);
    }

    /** Restores the state that another process has negotiated. Starts no ring. */
    void restoreNegotiated(final StateReader in, final long negotiated) {
        features = negotiated;
        featuresKnown = in.flag();
        startEnabled = in.flag();
        if (featuresKnown) {
            queues.features(negotiated);
        }
    }
}
