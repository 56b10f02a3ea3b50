package io.ringbridge.control.uplink;

import io.ringbridge.datapath.ring.Features;

import java.nio.file.Path;

/**
 * The options of a port that is attached to a back-end.
 *
 * @param socket the back-end's socket
 * @param featureMask the virtio features that may be accepted
 * @param mtu the MTU that is announced to the back-end
 */
public record FrontendOptions(Path socket, long featureMask, int mtu) {
    /**
     * The offloads that are accepted. The switch does not take datagrams from an uplink that are to be fragmented.
     */
    private static final long OFFLOADS = Features.OFFLOADS & ~Features.of(Features.GUEST_UFO);
    /** Required: they give a header of 12 bytes, and messages that enable rings. */
    private static final long REQUIRED = Features.of(Features.VERSION_1, Features.PROTOCOL_FEATURES);
    private static final long TO_DRIVER =
        Features.of(Features.GUEST_TSO4, Features.GUEST_TSO6, Features.GUEST_ECN);
    private static final long TO_DEVICE =
        Features.of(Features.HOST_TSO4, Features.HOST_TSO6, Features.HOST_ECN, Features.HOST_UFO);

    /** Returns options to accept every feature. */
    public static FrontendOptions of(final Path socket) {
        return new FrontendOptions(socket, -1, 1500);
    }

    /** Returns a copy with another mask. */
    public FrontendOptions withFeatureMask(final long mask) {
        return new FrontendOptions(socket, mask, mtu);
    }

    /** Returns the features that a port with that many queue pairs accepts, unless its options exclude them. */
    public static long acceptable(final int pairs) {
        return REQUIRED | OFFLOADS
            | Features.of(Features.MRG_RXBUF, Features.EVENT_IDX, Features.RING_PACKED)
            | (pairs > 1 ? Features.of(Features.MQ, Features.CTRL_VQ) : 0);
    }

    /**
     * Returns the features to accept of those offered. Offloads that depend on a feature that is not accepted are left
     * out (virtio 1.2, section 5.1.3.1). Without mergeable buffers, a large packet would not fit a buffer.
     */
    long choose(final long offered, final int pairs) {
        long chosen = offered & acceptable(pairs) & (featureMask | REQUIRED);
        if (!Features.has(chosen, Features.CSUM)) {
            chosen &= ~TO_DEVICE;
        }
        if (!Features.has(chosen, Features.GUEST_CSUM) || !Features.has(chosen, Features.MRG_RXBUF)) {
            chosen &= ~TO_DRIVER;
        }
        if (!Features.has(chosen, Features.CTRL_VQ)) {
            chosen &= ~Features.of(Features.MQ);
        }
        return chosen;
    }

    /** Whether these features suffice to move frames. */
    static boolean suffice(final long features) {
        return (features & REQUIRED) == REQUIRED;
    }
}
