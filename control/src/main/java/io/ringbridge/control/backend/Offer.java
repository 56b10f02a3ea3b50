package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.datapath.ring.Features;

/** The features that this back-end offers, all of which it implements. */
public final class Offer {
    /**
     * Protocol features that are always offered, except for suspension, which a port can be configured not to offer.
     */
    public static final long PROTOCOL = ProtocolFeature.of(
        ProtocolFeature.MQ,
        ProtocolFeature.LOG_SHMFD,
        ProtocolFeature.RARP,
        ProtocolFeature.REPLY_ACK,
        ProtocolFeature.MTU,
        ProtocolFeature.BACKEND_REQ,
        ProtocolFeature.CONFIG,
        ProtocolFeature.INFLIGHT_SHMFD,
        ProtocolFeature.RESET_DEVICE,
        ProtocolFeature.CONFIGURE_MEM_SLOTS,
        ProtocolFeature.STATUS,
        ProtocolFeature.SUSPEND);

    /**
     * Protocol features that are offered only if the port is configured to. Front-ends accept in-band notifications
     * even if they do not serve them. With device state, they migrate only to a back-end that has it as well. Hardly
     * any front-end uses cross-endian rings. Page faults require trust in the front-end beyond its port.
     */
    public static final long OPTIONAL = ProtocolFeature.of(ProtocolFeature.CROSS_ENDIAN, ProtocolFeature.PAGEFAULT,
        ProtocolFeature.INBAND_NOTIFICATIONS, ProtocolFeature.DEVICE_STATE);

    /** Virtio features that are offered despite any mask. Without them, only virtio features can be negotiated. */
    public static final long ALWAYS = Features.of(Features.PROTOCOL_FEATURES);

    /**
     * Virtio features that are offered only if the port is configured for a guest behind an IOMMU. Drivers accept them
     * whenever they see them. A front-end without an IOMMU, or with one that it serves itself, passes them on all the
     * same.
     */
    public static final long IOMMU = Features.of(Features.ACCESS_PLATFORM);

    /**
     * Virtio features that an attached front-end keeps in a hand-over, even if the port is configured not to offer them
     * any more. Nothing but the headers of frames and the configuration space depends on them.
     */
    static final long KEPT = Features.OFFLOADS | Features.of(Features.MAC);

    private static final long ANY_DEVICE = Features.OFFLOADS | Features.of(
        Features.MTU,
        Features.MRG_RXBUF,
        Features.LOG_ALL,
        Features.ANY_LAYOUT,
        Features.INDIRECT_DESC,
        Features.EVENT_IDX,
        Features.PROTOCOL_FEATURES,
        Features.VERSION_1,
        Features.RING_PACKED,
        Features.IN_ORDER);

    /**
     * The second and third depend on the first (virtio 1.2, section 5.1.3.1). Drivers refuse a device that violates
     * this.
     */
    private static final long MANY_QUEUES = Features.of(
        Features.CTRL_VQ,
        Features.GUEST_ANNOUNCE,
        Features.MQ);

    private Offer() {
    }

    /** Returns the virtio features of a port with that many queue pairs. */
    public static long virtio(final int queuePairs) {
        return virtio(queuePairs, SuspendOptions.DEFAULT, false);
    }

    /**
     * Returns the virtio features of a port.
     *
     * @param suspend the ways in which the port may be suspended
     * @param address whether the device has a configured address
     */
    static long virtio(final int queuePairs, final SuspendOptions suspend, final boolean address) {
        return ANY_DEVICE | Features.of(suspend.featureBit()) | (queuePairs > 1 ? MANY_QUEUES : 0)
            | (address ? Features.of(Features.MAC) : 0);
    }

    /** Returns the virtio features of a port with that many queue pairs and these options. */
    public static long virtio(final int queuePairs, final BackendOptions options) {
        final long features = virtio(queuePairs, options.suspend(), options.mac() != 0);
        return (features | (options.iommu() ? IOMMU : 0)) & options.featureMask();
    }

    /** Returns the protocol features of a port with these options. */
    static long protocol(final BackendOptions options) {
        final long always = options.suspend().messages() ? PROTOCOL : PROTOCOL & ~ProtocolFeature.SUSPEND.mask();
        return always | OPTIONAL & options.optional();
    }

    /**
     * Removes features from an offer that other features exclude (vhost-user, "Protocol features"). With several queue
     * pairs, QEMU needs memory slots in postcopy: without them, it waits for a second reply to a memory table that it
     * sends only once.
     */
    static long compatible(final long offer, final int queuePairs) {
        return ProtocolFeature.PAGEFAULT.in(offer) && queuePairs == 1
            ? offer & ~ProtocolFeature.CONFIGURE_MEM_SLOTS.mask() : offer;
    }
}
