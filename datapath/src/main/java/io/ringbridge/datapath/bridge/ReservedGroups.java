package io.ringbridge.datapath.bridge;

import io.ringbridge.datapath.port.Port;

/**
 * The group addresses 01:80:c2:00:00:00 to 0f, which mean the other end of a link (IEEE 802.1Q, section 8.6.3 and table
 * 8-1). A bridge does not relay frames for them, unless {@link Port#relaysGroup} holds for the port that they came in
 * by.
 */
final class ReservedGroups {
    /** MAC control, such as PAUSE: part of the link itself, and never relayed (IEEE 802.3, annex 31). */
    static final long MAC_CONTROL = 0x01_00_00_C2_80_01L;

    private static final long FIRST = 0x00_00_00_C2_80_01L;
    private static final long MASK = 0xF0_FF_FF_FF_FF_FFL;
    private static final int LAST_OCTET = 40;

    private ReservedGroups() {
    }

    /** Whether a frame for a group that came in by a port goes no further. */
    static boolean isRefused(final long group, final Port from) {
        return (group & MASK) == FIRST && (group == MAC_CONTROL || !from.relaysGroup((int) (group >>> LAST_OCTET)));
    }

    /** Whether the bridge learns the source of a frame for this destination. */
    static boolean isLearnedFrom(final long destination) {
        return destination != MAC_CONTROL;
    }
}
