package io.ringbridge.datapath.packet;

import io.ringbridge.datapath.memory.Memory;

/** The header of an Ethernet frame (IEEE 802.3), and the VLAN tags after its addresses (IEEE 802.1Q). */
public final class Ethernet {
    /** Bytes of the header without tags. */
    public static final int HEADER = 14;
    /** Bytes of the two addresses, which the tags follow. */
    public static final int ADDRESSES = 12;
    /** Bytes of a tag. */
    public static final int TAG = 4;
    /** The most tags that are recognized: a service tag and a customer tag. */
    public static final int MAX_TAGS = 2;

    static final int IPV4 = 0x0800;
    static final int IPV6 = 0x86DD;

    static final int VLAN = 0x8100;
    private static final int SERVICE_VLAN = 0x88A8;

    private Ethernet() {
    }

    /**
     * Returns the offset of the payload, after the header and its tags.
     *
     * @param frame the address of the frame's first bytes
     * @param length the number of bytes there, no fewer than {@link #HEADER}
     */
    public static int payload(final long frame, final int length) {
        int at = HEADER;
        while (at < HEADER + MAX_TAGS * TAG && length >= at + TAG && isTag(type(frame, at))) {
            at += TAG;
        }
        return at;
    }

    private static boolean isTag(final int type) {
        return type == VLAN || type == SERVICE_VLAN;
    }

    /** Returns the type of the payload at an offset. */
    static int type(final long frame, final int payload) {
        return Checksum.word(Memory.getShort(frame + payload - 2));
    }
}
