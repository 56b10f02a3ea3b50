package io.ringbridge.config;

import io.ringbridge.datapath.port.PortVlan;

import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The VLANs of tagged frames: {@code all}, or a list of numbers and ranges. */
final class Trunk implements Rule<BitSet> {
    private static final String NEEDED =
        "all, or a list of VLANs from " + PortVlan.MIN + " to " + PortVlan.MAX + ", such as 10,20-29";
    private static final Pattern RANGE = Pattern.compile("(\\d{1,4})(?:-(\\d{1,4}))?");

    @Override
    public Optional<BitSet> read(final Section section, final String key) {
        return section.value(key).map(node -> vlans(section, key, node));
    }

    @Override
    public Object show(final BitSet value) {
        return PortVlan.trunk(value, 0).allowed();
    }

    @Override
    public String allowed() {
        return NEEDED;
    }

    @Override
    public String syntax() {
        return "10+20-29|all";
    }

    private static BitSet vlans(final Section section, final String key, final Node node) {
        final BitSet vlans = new BitSet();
        if (node instanceof final Node.Scalar scalar && "all".equals(scalar.text())) {
            vlans.set(PortVlan.MIN, PortVlan.MAX + 1);
            return vlans;
        }
        for (final Node item : node instanceof final Node.Sequence list ? list.items() : List.of(node)) {
            final String text = item instanceof final Node.Scalar scalar ? scalar.text() : "";
            for (final String part : text.split("[,+]", -1)) {
                final Matcher range = RANGE.matcher(part.strip());
                if (!range.matches() || !add(vlans, range)) {
                    throw section.refused(key, item, NEEDED);
                }
            }
        }
        if (vlans.isEmpty()) {
            throw section.error(key, "an empty list is not " + NEEDED);
        }
        return vlans;
    }

    private static boolean add(final BitSet vlans, final Matcher range) {
        final int first = Integer.parseInt(range.group(1));
        final int last = range.group(2) == null ? first : Integer.parseInt(range.group(2));
        if (first < PortVlan.MIN || last > PortVlan.MAX || last < first) {
            return false;
        }
        vlans.set(first, last + 1);
        return true;
    }
}
