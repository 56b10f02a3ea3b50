package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.datapath.ring.Features;

/** What this back-end offers: only what it implements. */
public final class Offer {
    /** Protocol features, where nothing is switched off. */
    public static final long PROTOCOL = ProtocolFeature.of(
        ProtocolFeature.MQ,
        ProtocolFeature.LOG_SHMFD,
        ProtocolFeature.RARP,
        ProtocolFeature.REPLY_ACK,
        ProtocolFeature.MTU,
        ProtocolFeature.BACKEND_REQ,
        ProtocolFeature.RESET_DEVICE,
        ProtocolFeature.CONFIGURE_MEM_SLOTS,
        ProtocolFeature.STATUS,
        ProtocolFeature.SUSPEND);

    private static final long ANY_DEVICE = Features.of(
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
        return virtio(queuePairs, SuspendOptions.DEFAULT);
    }

    /** The virtio features of a port with so many queue pairs that is suspended in these ways. */
    static long virtio(final int queuePairs, final SuspendOptions suspend) {
        return ANY_DEVICE | Features.of(suspend.featureBit()) | (queuePairs > 1 ? MANY_QUEUES : 0);
    }

    /** The protocol features of a port that is suspended in these ways. */
    static long protocol(final SuspendOptions suspend) {
        return suspend.messages() ? PROTOCOL : PROTOCOL & ~ProtocolFeature.SUSPEND.mask();
    }
}
