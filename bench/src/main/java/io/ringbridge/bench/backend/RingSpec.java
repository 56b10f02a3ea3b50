package io.ringbridge.bench.backend;

import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingConfig;

/**
 * How a guest's rings are made.
 *
 * @param packed packed rings, not split ones
 * @param inOrder buffers are used in the order in which they were made available
 * @param mergeable a frame may lie over several receive buffers
 * @param pairs queue pairs
 * @param size entries of a transmit ring
 */
public record RingSpec(boolean packed, boolean inOrder, boolean mergeable, int pairs, int size) {
    /**
     * Entries of a receive ring: twice as many, so that a guest that stands still for a while with its transmit ring full, and some
     * frames to fetch, still has room for all that comes back. What it loses then is not the back-end's loss.
     */
    int receiveSize() {
        return Math.min(2 * size, RingConfig.MAX_SIZE);
    }

    /** The virtio features to ask for. */
    long features() {
        return Features.of(Features.VERSION_1) | bit(packed, Features.RING_PACKED) | bit(inOrder, Features.IN_ORDER)
            | bit(mergeable, Features.MRG_RXBUF) | bit(pairs > 1, Features.MQ) | bit(pairs > 1, Features.CTRL_VQ);
    }

    private static long bit(final boolean wanted, final int feature) {
        return wanted ? Features.of(feature) : 0;
    }

    /** What of it a back-end does not offer, as an option's name; null if nothing. */
    String refused(final long agreed) {
        if (packed && !Features.has(agreed, Features.RING_PACKED)) {
            return "--rings packed";
        }
        if (inOrder && !Features.has(agreed, Features.IN_ORDER)) {
            return "--in-order";
        }
        if (mergeable && !Features.has(agreed, Features.MRG_RXBUF)) {
            return "--mergeable";
        }
        return pairs > 1 && !Features.has(agreed, Features.MQ) ? "--pairs " + pairs : null;
    }

    /** {@code split} or {@code packed}. */
    public String layout() {
        return packed ? "packed" : "split";
    }

    /** For people. */
    public String title() {
        return layout() + (inOrder ? ", in order" : "") + (mergeable ? ", mergeable" : ", not mergeable")
            + (pairs > 1 ? ", " + pairs + " queue pairs" : "");
    }
}
