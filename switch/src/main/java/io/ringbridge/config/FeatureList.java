package io.ringbridge.config;

import io.ringbridge.control.backend.Offer;
import io.ringbridge.control.protocol.VirtioFeatures;

import java.util.List;

/** Virtio features by name, as a list or as text such as {@code version_1+mrg_rxbuf}: all that a port may offer. */
final class FeatureList {
    private static final String NEEDED = "a list of virtio features";

    private FeatureList() {
    }

    /**
     * The mask of what may be offered; everything where the key is not there.
     *
     * @param offered what the port offers by all else that is said of it
     */
    static long in(final Section section, final String key, final long offered) {
        return section.value(key).map(node -> {
            final List<Node> items = node instanceof final Node.Sequence sequence ? sequence.items() : List.of(node);
            long mask = Offer.ALWAYS;
            for (final Node item : items) {
                if (!(item instanceof final Node.Scalar scalar)) {
                    throw section.error(key, item.what() + " is not " + NEEDED);
                }
                for (final String name : scalar.text().split("\\+", -1)) {
                    mask |= bit(section, key, name.strip(), offered);
                }
            }
            Offloads.check(section, key, mask);
            return mask;
        }).orElse(-1L);
    }

    /** A name that is not offered is an error: the guest it was pinned for would lack the feature. */
    private static long bit(final Section section, final String key, final String name, final long offered) {
        for (long rest = offered; rest != 0; rest &= rest - 1) {
            final long bit = Long.lowestOneBit(rest);
            if (VirtioFeatures.names(bit).contains(name)) {
                return bit;
            }
        }
        throw section.error(key, '"' + name + "\" is not offered; allowed: " + String.join(", ", VirtioFeatures.names(offered)));
    }
}
