package io.ringbridge.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The reserved groups, 01:80:c2:00:00:00 to 0f, that a port relays: names or last octets.
 *
 * <p>The value is a mask with one bit per group, indexed by the last octet. The MAC control group, 01, is never
 * relayed.
 */
final class GroupForward implements Rule<Integer> {
    private static final Map<String, Integer> NAMES = Map.of("stp", 0x00, "lacp", 0x02, "802.1x", 0x03, "lldp", 0x0E);
    private static final int MAC_CONTROL = 0x01;
    private static final int GROUPS = 16;
    private static final int ALL = 0xFFFF & ~(1 << MAC_CONTROL);
    private static final Pattern OCTET = Pattern.compile("(?:0x)?0([0-9a-f])", Pattern.CASE_INSENSITIVE);
    private static final String NEEDED =
        "all, or a list of stp, lacp, 802.1x, lldp and last octets of 01:80:c2:00:00:00 to 0f, such as 0d";

    /** Returns the names of the groups in a mask, or the last octets of groups without names. */
    static List<String> names(final int mask) {
        final List<String> names = new ArrayList<>();
        for (int group = 0; group < GROUPS; group++) {
            if ((mask >>> group & 1) != 0) {
                names.add(name(group));
            }
        }
        return names;
    }

    private static String name(final int group) {
        return NAMES.entrySet().stream().filter(entry -> entry.getValue() == group).map(Map.Entry::getKey).findFirst()
            .orElseGet(() -> String.format(Locale.ROOT, "%02x", group));
    }

    @Override
    public Optional<Integer> read(final Section section, final String key) {
        return section.value(key).map(node -> node instanceof final Node.Scalar scalar && "all".equals(scalar.text())
            ? ALL : mask(section, key, node));
    }

    @Override
    public Object show(final Integer mask) {
        return names(mask);
    }

    @Override
    public String allowed() {
        return NEEDED;
    }

    @Override
    public String syntax() {
        return "lldp+802.1x|all";
    }

    private static int mask(final Section section, final String key, final Node node) {
        int mask = 0;
        for (final Node item : node instanceof final Node.Sequence list ? list.items() : List.of(node)) {
            if (!(item instanceof final Node.Scalar scalar)) {
                throw section.refused(key, item, NEEDED);
            }
            for (final String name : scalar.text().split("[,+]", -1)) {
                mask |= 1 << group(section, key, name.strip());
            }
        }
        return mask;
    }

    private static int group(final Section section, final String key, final String name) {
        final Matcher octet = OCTET.matcher(name);
        final Integer group = octet.matches() ? Integer.valueOf(octet.group(1), GROUPS)
            : NAMES.get(name.toLowerCase(Locale.ROOT));
        if (group == null) {
            throw section.refused(key, name, NEEDED);
        }
        if (group == MAC_CONTROL) {
            throw section.error(key,
                '"' + name + "\" is MAC control (PAUSE), which is never relayed; allowed: " + NEEDED);
        }
        return group;
    }
}
