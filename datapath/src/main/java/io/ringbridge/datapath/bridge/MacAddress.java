package io.ringbridge.datapath.bridge;

import java.util.regex.Pattern;

/** Ethernet addresses as words: the first byte on the wire is the lowest, as a little-endian load of a frame gives it. */
public final class MacAddress {
    private static final Pattern FORM = Pattern.compile("([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}");

    private MacAddress() {
    }

    /** As {@code 52:54:00:00:00:01}. */
    public static String format(final long address) {
        final StringBuilder text = new StringBuilder(17);
        for (int i = 0; i < 6; i++) {
            final int octet = (int) (address >>> 8 * i) & 0xFF;
            text.append(i == 0 ? "" : ":").append(Character.forDigit(octet >> 4, 16)).append(Character.forDigit(octet & 15, 16));
        }
        return text.toString();
    }

    /**
     * Reads the form {@link #format} writes.
     *
     * @throws IllegalArgumentException when it is another
     */
    public static long parse(final String text) {
        if (!FORM.matcher(text).matches()) {
            throw new IllegalArgumentException("'" + text + "' is no Ethernet address: the form is 52:54:00:00:00:01");
        }
        long address = 0;
        for (int i = 0; i < 6; i++) {
            address |= Long.parseLong(text.substring(3 * i, 3 * i + 2), 16) << 8 * i;
        }
        return address;
    }

    /** Whether it means a group of stations: multicast or broadcast. */
    public static boolean isGroup(final long address) {
        return (address & 1) != 0;
    }
}
