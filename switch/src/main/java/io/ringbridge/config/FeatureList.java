package io.ringbridge.config;

import io.ringbridge.control.backend.Offer;
import io.ringbridge.control.protocol.VirtioFeatures;

import java.util.List;

/** Reads the virtio features that a port may offer: names in a list, or text such as {@code version_1+mrg_rxbuf}. */
final class FeatureList {
    private static final String NEEDED = "a list of virtio features";

    private FeatureList() {
    }

    /**
     * Reads the mask of the features that may be offered.
     *
     * @param offered the features that the port offers according to its other keys
     * @return the mask; all ones if the key is absent
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

    /** Returns the bit of a feature. A feature that is not offered is an error, because the guest would lack it. */
    private static long bit(final Section section, final String key, final String name, final long offered) {
        for (long rest = offered; rest != 0; rest &= rest - 1) {
            final long bit = Long.lowestOneBit(rest);
            if (VirtioFeatures.names(bit).contains(name)) {
                return bit;
            }
        }
        throw section.error(key,
            '"' + name + "\" is not offered; allowed: " + String.join(", ", VirtioFeatures.names(offered)));
    }
}
