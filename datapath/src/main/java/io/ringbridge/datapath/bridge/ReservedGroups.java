package io.ringbridge.datapath.bridge;

import io.ringbridge.datapath.port.Port;

/**
 * The group addresses 01:80:c2:00:00:00 to 0f, which address the other end of a link (IEEE 802.1Q, section 8.6.3 and
 * table 8-1). The bridge does not relay frames for these groups, unless {@link Port#relaysGroup} is true for the port
 * that received the frame.
 */
final class ReservedGroups {
    /** The group of MAC control frames, such as PAUSE: part of the link, never relayed (IEEE 802.3, annex 31). */
    static final long MAC_CONTROL = 0x01_00_00_C2_80_01L;

    private static final long FIRST = 0x00_00_00_C2_80_01L;
    private static final long MASK = 0xF0_FF_FF_FF_FF_FFL;
    private static final int LAST_OCTET = 40;

    private ReservedGroups() {
    }

    /** Whether the bridge drops frames for this group that a port received. */
    static boolean isRefused(final long group, final Port from) {
        return (group & MASK) == FIRST && (group == MAC_CONTROL || !from.relaysGroup((int) (group >>> LAST_OCTET)));
    }

    /** Whether the bridge learns the source of a frame for this destination. */
    static boolean isLearnedFrom(final long destination) {
        return destination != MAC_CONTROL;
    }
}
