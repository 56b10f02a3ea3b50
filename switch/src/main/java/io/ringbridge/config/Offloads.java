package io.ringbridge.config;

import io.ringbridge.control.protocol.VirtioFeatures;
import io.ringbridge.datapath.ring.Features;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The offloads that a port offers: true for all, false for none, or a list of virtio's names. The value is a feature
 * word.
 */
final class Offloads implements Rule<Long> {
    /** All offloads, which a port offers by default. */
    static final long ALL = Features.OFFLOADS;

    private static final String NEEDED = "true, false or a list of " + String.join(", ", names(ALL));

    /** Returns the names of the offloads in a feature word, the lowest bit first. */
    private static List<String> names(final long features) {
        return VirtioFeatures.names(features & ALL);
    }

    @Override
    public Optional<Long> read(final Section section, final String key) {
        return section.value(key).map(node -> switch (node) {
            case final Node.Sequence list -> read(section, key, list.items());
            case final Node.Scalar scalar when "true".equals(scalar.text()) -> ALL;
            case final Node.Scalar scalar when "false".equals(scalar.text()) -> 0L;
            case final Node.Scalar scalar when scalar.isText() ->
                read(section, key, Arrays.stream(scalar.text().split(",", -1))
                    .<Node>map(name -> new Node.Scalar(scalar.line(), name.strip(), Node.Kind.TEXT)).toList());
            default -> throw section.refused(key, node, NEEDED);
        });
    }

    @Override
    public Object show(final Long features) {
        return features == ALL ? true : names(features);
    }

    @Override
    public String allowed() {
        return NEEDED;
    }

    @Override
    public String syntax() {
        return "true|false|NAME,,NAME";
    }

    private static long read(final Section section, final String key, final List<Node> items) {
        long features = 0;
        for (final Node item : items) {
            final long feature = item instanceof final Node.Scalar scalar ? feature(scalar.text()) : 0;
            if (feature == 0) {
                throw section.refused(key, item, NEEDED);
            }
            features |= feature;
        }
        check(section, key, features);
        return features;
    }

    /** Refuses a feature word if one of its offloads lacks a feature that the offload requires. */
    static void check(final Section section, final String key, final long features) {
        checkNeeds(section, key, features, Features.of(Features.HOST_TSO4, Features.HOST_TSO6, Features.HOST_UFO),
            Features.of(Features.CSUM));
        checkNeeds(section, key, features, Features.of(Features.GUEST_TSO4, Features.GUEST_TSO6, Features.GUEST_UFO),
            Features.of(Features.GUEST_CSUM));
        checkNeeds(section, key, features, Features.of(Features.HOST_ECN),
            Features.of(Features.HOST_TSO4, Features.HOST_TSO6));
        checkNeeds(section, key, features, Features.of(Features.GUEST_ECN),
            Features.of(Features.GUEST_TSO4, Features.GUEST_TSO6));
    }

    /**
     * Refuses {@code some} features without any of the {@code needed} ones. Drivers reject a device that offers them
     * (virtio 1.2, section 5.1.3.1).
     */
    private static void checkNeeds(final Section section, final String key, final long features, final long some,
                                   final long needed) {
        if ((features & some) != 0 && (features & needed) == 0) {
            throw section.error(key,
                names(features & some).getFirst() + " requires " + String.join(" or ", names(needed)));
        }
    }

    private static long feature(final String name) {
        for (long rest = ALL; rest != 0; rest &= rest - 1) {
            final long feature = rest & -rest;
            if (names(feature).getFirst().equals(name)) {
                return feature;
            }
        }
        return 0;
    }
}
