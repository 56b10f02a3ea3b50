package io.ringbridge.datapath.frame;

import io.ringbridge.datapath.memory.Memory;

/**
 * A frame's tag (IEEE 802.1Q) and its VLAN, in one word:
 *
 * <pre>
 *   0      12  16        32        48
 *  | VLAN | 0 | TCI     | type    | tagged |
 * </pre>
 * VLAN is that which the frame is in, 0 for none. TCI is the tag's control information: priority (3 bits), drop eligibility (1), and the
 * VLAN it names, 0 in a priority tag. The type is that of what comes after the tag, or where there is none after the addresses, as a
 * little-endian load gives it.
 *
 * <p>All of it is read once from the sender's memory. What leaves is written from here, not copied from there: a guest that changes its
 * frame meanwhile comes into no other VLAN. A service tag (0x88A8) is no tag here, but the type of what comes.
 */
public final class VlanTag {
    /** What {@link #read} answers for a frame that ends within its tag. */
    public static final long MALFORMED = -1;
    /** Bytes of the caller's that {@link #read} wants. */
    public static final int SCRATCH = 24;

    /** Addresses, tag, and the type after it. */
    private static final int LONGEST = Ethernet.HEADER + Ethernet.TAG;
    /** The room that a piece to be put in takes. */
    private static final int TYPE = 2;
    private static final int TPID = Checksum.word(Ethernet.VLAN);
    private static final int VLAN_MASK = 0xFFF;
    private static final int PRIORITY_MASK = 0xF000;
    private static final long TAGGED = 1L << 48;

    private VlanTag() {
    }

    /**
     * Reads a frame's tag. The VLAN that the frame is in is left out.
     *
     * @param scratch {@link #SCRATCH} bytes of the caller's
     */
    public static long read(final Frame frame, final long scratch) {
        final int length = Math.min(LONGEST, frame.totalLength());
        final long header = frame.length(0) >= length ? frame.address(0) : scratch;
        if (header == scratch) {
            frame.peek(scratch, length);
        }
        final int type = Memory.getShort(header + Ethernet.ADDRESSES) & 0xFFFF;
        if (type != TPID) {
            return (long) type << 32;
        }
        if (length < LONGEST) {
            return MALFORMED;
        }
        final int rest = Memory.getInt(header + Ethernet.HEADER);
        return TAGGED | (rest >>> 16 & 0xFFFFL) << 32 | (long) Checksum.word(rest) << 16;
    }

    /** The tag of a frame without one, of this type, in a VLAN. */
    public static long none(final int type, final int vlan) {
        return (long) Checksum.word(type) << 32 | vlan;
    }

    /** The VLAN that the frame is in. */
    public static int vlan(final long tag) {
        return (int) tag & VLAN_MASK;
    }

    /** The VLAN that its tag names; 0 for none. */
    public static int named(final long tag) {
        return (int) (tag >>> 16) & VLAN_MASK;
    }

    /** Bytes of the frame's Ethernet header, with its tag. */
    public static int header(final long tag) {
        return Ethernet.ADDRESSES + replaced(tag);
    }

    /** How many bytes after the addresses tell of tag and type. */
    static int replaced(final long tag) {
        return (tag & TAGGED) != 0 ? Ethernet.TAG + TYPE : TYPE;
    }

    /**
     * Whether the tag is a priority tag, and another follows that would name the frame's VLAN if this one were removed.
     */
    public static boolean hidesAnother(final long tag) {
        return (tag & TAGGED) != 0 && named(tag) == 0 && (int) (tag >>> 32 & 0xFFFF) == TPID;
    }

    /**
     * Writes what is to be in their place.
     *
     * @param tagged whether the frame leaves with a tag for its VLAN; if not, it leaves without any that it had
     * @param to 8 bytes of the caller's
     * @return how many bytes were written
     */
    static int write(final long tag, final boolean tagged, final long to) {
        final short type = (short) (tag >>> 32);
        if (!tagged) {
            Memory.putShort(to, type);
            return TYPE;
        }
        final int control = (int) (tag >>> 16) & PRIORITY_MASK | vlan(tag);
        Memory.putInt(to, TPID | Checksum.word(control) << 16);
        Memory.putShort(to + Ethernet.TAG, type);
        return Ethernet.TAG + TYPE;
    }
}
