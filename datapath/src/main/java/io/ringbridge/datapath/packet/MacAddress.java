package io.ringbridge.datapath.packet;

import java.util.regex.Pattern;

/** Ethernet addresses as words, as a little-endian load reads them: the first byte on the wire is the lowest. */
public final class MacAddress {
    private static final Pattern FORM = Pattern.compile("([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}");

    private MacAddress() {
    }

    /** Formats an address as {@code 52:54:00:00:00:01}. */
    public static String format(final long address) {
        final StringBuilder text = new StringBuilder(17);
        for (int i = 0; i < 6; i++) {
            final int octet = (int) (address >>> 8 * i) & 0xFF;
            text.append(i == 0 ? "" : ":").append(Character.forDigit(octet >> 4, 16))
                .append(Character.forDigit(octet & 15, 16));
        }
        return text.toString();
    }

    /**
     * Parses an address in the form of {@link #format}.
     *
     * @throws IllegalArgumentException if the text has another form
     */
    public static long parse(final String text) {
        if (!FORM.matcher(text).matches()) {
            throw new IllegalArgumentException("'" + text
                + "' is not an Ethernet address; the form is 52:54:00:00:00:01");
        }
        long address = 0;
        for (int i = 0; i < 6; i++) {
            address |= Long.parseLong(text.substring(3 * i, 3 * i + 2), 16) << 8 * i;
        }
        return address;
    }

    /** Whether an address is a group address: multicast or broadcast. */
    public static boolean isGroup(final long address) {
        return (address & 1) != 0;
    }
}
