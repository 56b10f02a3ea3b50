package io.ringbridge.datapath.frame;

import io.ringbridge.datapath.memory.Memory;

/** The header of an Ethernet frame (IEEE 802.3), and the VLAN tags after its addresses (IEEE 802.1Q). */
public final class Ethernet {
    /** Bytes of the header without tags. */
    public static final int HEADER = 14;
    /** Bytes of its two addresses, after which tags are. */
    public static final int ADDRESSES = 12;
    /** Bytes of a tag. */
    public static final int TAG = 4;
    /** The tags that are taken for such: a service's and a customer's. */
    public static final int MAX_TAGS = 2;

    static final int IPV4 = 0x0800;
    static final int IPV6 = 0x86DD;

    static final int VLAN = 0x8100;
    private static final int SERVICE_VLAN = 0x88A8;

    private Ethernet() {
    }

    /** Where what comes after the header and its tags begins, of a frame whose first {@code length} bytes, a header at least, are given. */
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

    /** The type of what begins at an offset. */
    static int type(final long frame, final int payload) {
        return Checksum.word(Memory.getShort(frame + payload - 2));
    }
}
