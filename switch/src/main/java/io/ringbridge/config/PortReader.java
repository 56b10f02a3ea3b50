package io.ringbridge.config;

import io.ringbridge.config.Rule.Given;

import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;

/** Reads a port by the table of its keys, {@link PortKey}. */
final class PortReader {
    private PortReader() {
    }

    /** Checks that a node has the keys of a port. */
    static Section section(final String source, final String path, final Node node) {
        final PortKind kind = node instanceof final Node.Mapping mapping
            ? kind(Section.unchecked(source, path, mapping)) : PortKind.VHOST_USER;
        return Section.of(source, path, node, PortKey.words(kind));
    }

    /**
     * Returns the kind of a port. Callers read it first: the kind decides which keys are allowed, so a wrong type must
     * not be reported as an error in another key.
     */
    private static PortKind kind(final Section section) {
        return Rules.KIND.read(section, PortKey.TYPE.word()).orElse(PortKind.VHOST_USER);
    }

    static PortConfig read(final Section section) {
        return read(section, kind(section), OptionalInt.empty(), key -> key.read(section));
    }

    /**
     * Reads the new values of some keys of a port. The other keys keep their values; a key without a value returns to
     * its default.
     */
    static PortConfig readChange(final String source, final Node node, final PortConfig old) {
        final Section section = Section.of(source, "", node, PortKey.words(old.kind()));
        return read(section, old.kind(), old instanceof final GuestPortConfig guest ? guest.descriptor()
            : OptionalInt.empty(), key -> section.mapping().values().containsKey(key.word()) ? key.read(section)
            : Optional.ofNullable(old.values().entries().get(key)));
    }

    /** Reads the values first, so that a malformed one is reported before a missing or an inapplicable key. */
    private static PortConfig read(final Section section, final PortKind kind, final OptionalInt descriptor,
                                   final Function<PortKey, Optional<Given>> given) {
        final PortValues values = PortValues.of(kind, given);
        for (final PortKey key : PortKey.of(kind)) {
            if (key.isRequired() && !values.has(key)) {
                throw section.missing(key.word(), key.allowed());
            }
        }
        for (final PortKey key : PortKey.of(kind)) {
            if (section.value(key.word()).isPresent()) {
                key.refusal(values).ifPresent(why -> {
                    throw section.error(key.word(), why);
                });
            }
        }
        return switch (kind) {
            case VHOST_USER -> {
                final GuestPortConfig guest = new GuestPortConfig(values, descriptor);
                guest.check(section);
                yield guest;
            }
            case TAP -> new TapPortConfig(values);
            case PCAP -> {
                final PcapPortConfig pcap = new PcapPortConfig(values);
                pcap.check(section);
                yield pcap;
            }
            case BACKEND -> {
                final BackendPortConfig backend = new BackendPortConfig(values);
                backend.check(section);
                yield backend;
            }
        };
    }
}
