package io.ringbridge.config;

import io.ringbridge.control.backend.Offer;
import io.ringbridge.control.protocol.VirtioFeatures;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The virtio features that a port may offer: names in a list, or text such as {@code version_1+mrg_rxbuf}.
 *
 * <p>The names that are allowed depend on the port's other keys, so {@link #check} has to follow the reading.
 *
 * @param names in the order of their bits, with the features that are always offered; unknown names come last
 */
record FeatureList(List<String> names) {
    static final Rule<FeatureList> RULE = new NamesRule();

    private static FeatureList of(final List<String> given) {
        final List<String> known = VirtioFeatures.names(VirtioFeatures.word(given) | Offer.ALWAYS);
        return new FeatureList(
            Stream.concat(known.stream(), given.stream().filter(name -> !known.contains(name))).toList());
    }

    /** Returns the feature word. */
    long word() {
        return VirtioFeatures.word(names);
    }

    /**
     * Refuses features that the port does not offer, because its guest would lack them, and features without the ones
     * that they require.
     *
     * @param offered the features that the port offers according to its other keys
     */
    void check(final Section section, final String key, final long offered) {
        final List<String> allowed = VirtioFeatures.names(offered);
        names.stream().filter(name -> !allowed.contains(name)).findFirst().ifPresent(name -> {
            throw section.error(key, '"' + name + "\" is not offered; allowed: " + String.join(", ", allowed));
        });
        Offloads.check(section, key, word());
    }

    private record NamesRule() implements Rule<FeatureList> {
        @Override
        public Optional<FeatureList> read(final Section section, final String key) {
            return section.value(key).map(node -> {
                final List<String> names = new ArrayList<>();
                for (final Node item : node instanceof final Node.Sequence list ? list.items() : List.of(node)) {
                    if (!(item instanceof final Node.Scalar scalar)) {
                        throw section.refused(key, item, allowed());
                    }
                    Stream.of(scalar.text().split("\\+", -1)).map(String::strip).forEach(names::add);
                }
                return of(names);
            });
        }

        @Override
        public Object show(final FeatureList value) {
            return value.names();
        }

        @Override
        public String allowed() {
            return "a list of virtio features";
        }

        @Override
        public String syntax() {
            return "NAME+NAME";
        }
    }
}
