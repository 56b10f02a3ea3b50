package io.ringbridge.config;

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

    /** Reads the values first, so that a malformed one is reported before a missing or an inapplicable key. */
    static PortConfig read(final Section section) {
        final PortKind kind = kind(section);
        final PortValues values = PortValues.of(kind, key -> key.read(section));
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
                final GuestPortConfig guest = new GuestPortConfig(values);
                guest.check(section);
                yield guest;
            }
            case TAP -> new TapPortConfig(values);
            case PCAP -> {
                final PcapPortConfig pcap = new PcapPortConfig(values);
                pcap.check(section);
                yield pcap;
            }
        };
    }
}
