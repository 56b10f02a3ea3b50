package io.ringbridge.config;

import io.ringbridge.datapath.port.PortVlan;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the VLANs of a port: {@code vlan} is the VLAN of untagged frames, {@code trunk} the VLANs of tagged frames. */
final class VlanReader {
    private static final String NEEDED =
        "all, or a list of VLANs from " + PortVlan.MIN + " to " + PortVlan.MAX + ", such as 10,20-29";
    private static final Pattern RANGE = Pattern.compile("(\\d{1,4})(?:-(\\d{1,4}))?");

    private VlanReader() {
    }

    /** Reads the VLANs from a section. Returns null if it has neither key. */
    static PortVlan read(final Section section) {
        final Optional<Integer> untagged = section.integer("vlan", PortVlan.MIN, PortVlan.MAX);
        return section.value("trunk").map(node -> PortVlan.trunk(allowed(section, node), untagged.orElse(0)))
            .orElseGet(() -> untagged.map(PortVlan::access).orElse(null));
    }

    private static BitSet allowed(final Section section, final Node node) {
        final BitSet allowed = new BitSet();
        if (node instanceof final Node.Scalar scalar && "all".equals(scalar.text())) {
            allowed.set(PortVlan.MIN, PortVlan.MAX + 1);
            return allowed;
        }
        for (final Node item : node instanceof final Node.Sequence list ? list.items() : List.of(node)) {
            final String text = item instanceof final Node.Scalar scalar ? scalar.text() : "";
            for (final String part : text.split("[,+]", -1)) {
                final Matcher range = RANGE.matcher(part.strip());
                if (!range.matches() || !add(allowed, range)) {
                    throw section.error("trunk", item.what() + " is not " + NEEDED);
                }
            }
        }
        if (allowed.isEmpty()) {
            throw section.error("trunk", "an empty list is not " + NEEDED);
        }
        return allowed;
    }

    private static boolean add(final BitSet allowed, final Matcher range) {
        final int first = Integer.parseInt(range.group(1));
        final int last = range.group(2) == null ? first : Integer.parseInt(range.group(2));
        if (first < PortVlan.MIN || last > PortVlan.MAX || last < first) {
            return false;
        }
        allowed.set(first, last + 1);
        return true;
    }
}
