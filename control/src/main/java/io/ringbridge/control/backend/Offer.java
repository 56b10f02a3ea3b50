package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.datapath.ring.Features;

/** What this back-end offers: only what it implements. */
public final class Offer {
    /** Protocol features that are always offered, but for suspension, which a port can be told not to offer. */
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
     * Protocol features that are offered where the port is told to: front-ends accept them whether they serve them or not (in-band
     * notifications), or then migrate only to a back-end that has them too (device state), or hardly any has a use for them
     * (cross-endian), or it has to be trusted with more than its port (page faults).
     */
    public static final long OPTIONAL = ProtocolFeature.of(ProtocolFeature.CROSS_ENDIAN, ProtocolFeature.PAGEFAULT,
        ProtocolFeature.INBAND_NOTIFICATIONS, ProtocolFeature.DEVICE_STATE);

    /** What is offered even where only some features may be: without it nothing can be negotiated beside the features. */
    public static final long ALWAYS = Features.of(Features.PROTOCOL_FEATURES);

    /**
     * What is offered where the port is told that its guest may be behind an IOMMU: drivers accept it wherever they see it, and a front-end
     * that has no IOMMU, or serves it alone, passes it on all the same.
     */
    public static final long IOMMU = Features.of(Features.ACCESS_PLATFORM);

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

    /** Of these, the second and third depend on the first (virtio 1.2, section 5.1.3.1): drivers refuse a device that breaks this. */
    private static final long MANY_QUEUES = Features.of(
        Features.CTRL_VQ,
        Features.GUEST_ANNOUNCE,
        Features.MQ);

    private Offer() {
    }

    /** The virtio features of a port with so many queue pairs. */
    public static long virtio(final int queuePairs) {
        return virtio(queuePairs, SuspendOptions.DEFAULT, false);
    }

    /**
     * The virtio features of a port of which more is known.
     *
     * @param suspend in which ways it may be suspended
     * @param address whether it has one of its own
     */
    public static long virtio(final int queuePairs, final SuspendOptions suspend, final boolean address) {
        return ANY_DEVICE | Features.of(suspend.featureBit()) | (queuePairs > 1 ? MANY_QUEUES : 0)
            | (address ? Features.of(Features.MAC) : 0);
    }

    /** The virtio features of a port with so many queue pairs, and these options. */
    static long virtio(final int queuePairs, final BackendOptions options) {
        return (virtio(queuePairs, options.suspend(), options.mac() != 0) | (options.iommu() ? IOMMU : 0)) & options.featureMask();
    }

    /** The protocol features of a port with these options. */
    static long protocol(final BackendOptions options) {
        final long always = options.suspend().messages() ? PROTOCOL : PROTOCOL & ~ProtocolFeature.SUSPEND.mask();
        return always | OPTIONAL & options.optional();
    }

    /**
     * Removes from an offer what others of it exclude (vhost-user, "Protocol features"). With several queue pairs QEMU
     * needs memory slots in postcopy: without them it waits for the reply to a memory table that it sends once only.
     */
    static long compatible(final long offer, final int queuePairs) {
        return ProtocolFeature.PAGEFAULT.in(offer) && queuePairs == 1
            ? offer & ~ProtocolFeature.CONFIGURE_MEM_SLOTS.mask() : offer;
    }
}
