package io.ringbridge.bench.backend;

import io.ringbridge.datapath.ring.Features;
import io.ringbridge.datapath.ring.RingConfig;
import org.jspecify.annotations.Nullable;

/**
 * The features and sizes of a guest's rings.
 *
 * @param packed whether the rings are packed, not split
 * @param inOrder whether the device uses buffers in the order in which they were made available
 * @param mergeable whether a frame may span several receive buffers
 * @param pairs queue pairs
 * @param size entries of a transmit ring
 */
public record RingSpec(boolean packed, boolean inOrder, boolean mergeable, int pairs, int size) {
    /**
     * Returns the entries of a receive ring: twice those of a transmit ring. A guest whose thread is preempted with a
     * full transmit ring, and frames still to receive, then has room for all returning frames. Otherwise the guest
     * would lose frames that count as the back-end's loss.
     */
    int receiveSize() {
        return Math.min(2 * size, RingConfig.MAX_SIZE);
    }

    /** Returns the virtio features to request. */
    long features() {
        return Features.of(Features.VERSION_1) | bit(packed, Features.RING_PACKED) | bit(inOrder, Features.IN_ORDER)
            | bit(mergeable, Features.MRG_RXBUF) | bit(pairs > 1, Features.MQ) | bit(pairs > 1, Features.CTRL_VQ);
    }

    private static long bit(final boolean wanted, final int feature) {
        return wanted ? Features.of(feature) : 0;
    }

    /**
     * Finds a requested feature that the back-end does not offer.
     *
     * @return the option that requests the feature, or null if the back-end offers all of them
     */
    @Nullable String refused(final long agreed) {
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

    /** Returns {@code split} or {@code packed}. */
    public String layout() {
        return packed ? "packed" : "split";
    }

    /** Returns a description for the report. */
    public String title() {
        return layout() + (inOrder ? ", in order" : "") + (mergeable ? ", mergeable" : ", not mergeable")
            + (pairs > 1 ? ", " + pairs + " queue pairs" : "");
    }
}
