package io.ringbridge.control.backend;

import io.ringbridge.control.event.EventKind;
import io.ringbridge.control.event.PortEvents;
import io.ringbridge.control.handover.HandOverException;
import io.ringbridge.control.handover.HandOverSections;
import io.ringbridge.control.handover.Sections;
import io.ringbridge.control.handover.StateReader;
import io.ringbridge.control.handover.StateWriter;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.control.protocol.Request;
import io.ringbridge.control.protocol.VirtioFeatures;
import io.ringbridge.datapath.port.GuestPort;
import io.ringbridge.datapath.ring.Features;
import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Map;

/**
 * The features of one session: those that are offered, and those of them that the front-end has negotiated.
 *
 * <p>Owned by the session's thread.
 */
final class Negotiation {
    /**
     * The features that in-band notifications require. Without them, the only way to refuse is to end the conversation.
     */
    private static final long INBAND_NEEDS = ProtocolFeature.of(ProtocolFeature.BACKEND_REQ, ProtocolFeature.REPLY_ACK);

    private final GuestPort port;
    private final PortEvents events;
    private long offered;
    private final long offeredProtocol;
    private long features;
    /** Written by the session's thread; others read it for display. */
    private volatile long protocolFeatures;
    private boolean protocolFeaturesSet;

    /** Creates the negotiation of a port. Nothing is negotiated yet. */
    Negotiation(final GuestPort port, final PortEvents events, final long offered, final long offeredProtocol) {
        this.port = port;
        this.events = events;
        this.offered = offered;
        this.offeredProtocol = offeredProtocol;
    }

    /** Returns the offered virtio features. */
    long offered() {
        return offered;
    }

    /** Returns the offered protocol features. */
    long offeredProtocol() {
        return offeredProtocol;
    }

    /** Returns the negotiated virtio features. */
    long features() {
        return features;
    }

    /** Returns the negotiated protocol features. Any thread may call. */
    long protocolFeatures() {
        return protocolFeatures;
    }

    /** Whether a protocol feature is negotiated. */
    boolean has(final ProtocolFeature feature) {
        return feature.in(protocolFeatures);
    }

    /** Whether rings may be packed. Before the features are known, either layout is possible. */
    boolean mayBePacked() {
        return features == 0 || Features.has(features, Features.RING_PACKED);
    }

    /** Whether rings start enabled, because no message can enable them. */
    boolean startsEnabled() {
        return !protocolFeaturesSet && !Features.has(features, Features.PROTOCOL_FEATURES);
    }

    /**
     * Refuses a request that is unknown, or whose protocol feature is not negotiated.
     *
     * @param request null if the request is unknown
     */
    void check(final @Nullable Request request) {
        if (request == null) {
            throw ProtocolException.refused("unknown request");
        }
        final ProtocolFeature needed = request.needs();
        if (needed != null && !needed.in(protocolFeatures | (offeredProtocol & ProtocolFeature.ENOUGH_WHEN_OFFERED))) {
            throw ProtocolException.refused("protocol feature " + needed + " is not negotiated");
        }
    }

    /**
     * Records the virtio features that the front-end has chosen.
     *
     * @param running whether any ring runs; if so, only LOG_ALL may change
     */
    void setFeatures(final long wanted, final boolean running) {
        if ((wanted & ~offered) != 0) {
            throw ProtocolException.refused("features " + VirtioFeatures.names(wanted & ~offered)
                + " are not offered; allowed: " + VirtioFeatures.names(offered));
        }
        if (running && ((wanted ^ features) & ~Features.of(Features.LOG_ALL)) != 0) {
            throw ProtocolException.refused("features change from " + VirtioFeatures.names(features) + " to "
                + VirtioFeatures.names(wanted) + " while rings run; only log_all may change");
        }
        final boolean change = wanted != features;
        features = wanted;
        if (change) {
            report();
        }
    }

    /** Records the protocol features that the front-end has chosen. */
    void setProtocolFeatures(final long wanted) {
        final long unknown = wanted & ~offeredProtocol;
        if (unknown != 0) {
            throw ProtocolException.refused("protocol features " + ProtocolFeature.names(unknown)
                + " are not offered; allowed: " + ProtocolFeature.names(offeredProtocol));
        }
        if (ProtocolFeature.INBAND_NOTIFICATIONS.in(wanted) && (wanted & INBAND_NEEDS) != INBAND_NEEDS) {
            throw ProtocolException.fatal("in-band notifications without "
                + ProtocolFeature.names(INBAND_NEEDS & ~wanted));
        }
        final boolean change = wanted != protocolFeatures;
        protocolFeatures = wanted;
        protocolFeaturesSet = true;
        if (change && features != 0) {
            report(); // the front-end has chosen its features earlier than others do
        }
    }

    private void report() {
        final List<String> names = VirtioFeatures.names(features);
        final List<String> protocolNames = ProtocolFeature.names(protocolFeatures);
        final boolean isPacked = Features.has(features, Features.RING_PACKED);
        final String pairs = port.queuePairs() == 1 ? "1 queue pair" : "at most " + port.queuePairs() + " queue pairs";
        events.report(EventKind.NEGOTIATED, (isPacked ? "packed" : "split") + " rings, " + pairs + ", mtu " + port.mtu()
            + ", features " + names + ", protocol features " + protocolNames,
            Map.of("features", names, "protocol_features", protocolNames, "layout", isPacked ? "packed" : "split",
                "queues", port.queuePairs(), "mtu", port.mtu()));
    }

    /** Forgets the virtio features, because the device was reset. Protocol features stay. */
    void reset() {
        features = 0;
    }

    /** Writes the negotiated features for another process. */
    void save(final StateWriter out) {
        out.section(HandOverSections.FEATURES,
            section -> section.wide(features).wide(protocolFeatures).flag(protocolFeaturesSet).wide(offered));
    }

    /**
     * Reads the features that another process has negotiated, and checks that they are offered here. The session keeps
     * its offer of {@link Offer#KEPT} features.
     */
    void restore(final Sections sections) {
        final StateReader in = sections.get(HandOverSections.FEATURES);
        features = in.wide();
        protocolFeatures = in.wide();
        protocolFeaturesSet = in.flag();
        if (in.hasMore()) {
            offered |= in.wide() & Offer.KEPT;
        }
        final List<String> lost = VirtioFeatures.names(features & ~offered);
        lost.addAll(ProtocolFeature.names(protocolFeatures & ~offeredProtocol));
        if (!lost.isEmpty()) {
            throw new HandOverException("the front-end has negotiated " + String.join(", ", lost)
                + ", which this process does not offer");
        }
    }
}
