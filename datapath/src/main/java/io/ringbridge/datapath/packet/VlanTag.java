package io.ringbridge.datapath.packet;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;

/**
 * A frame's tag (IEEE 802.1Q) and its VLAN, in one word:
 *
 * <pre>
 *   0      12  16        32        48
 *  | VLAN | 0 | TCI     | type    | tagged |
 * </pre>
 * VLAN is the one that the frame is in, or 0. TCI is the tag's control information: priority (3 bits), drop eligibility
 * (1 bit), and the VLAN that the tag names, which is 0 in a priority tag. The type is that of the payload after the
 * tag, or after the addresses of an untagged frame, as a little-endian load reads it.
 *
 * <p>The tag is read once from the sender's memory. The outgoing tag is written from this word, not copied from the
 * frame. A guest that changes its frame in the meantime therefore cannot reach another VLAN. A service tag (0x88A8)
 * does not count as a tag here, but as the payload's type.
 */
public final class VlanTag {
    /** The result of {@link #read} for a frame that ends within its tag. */
    public static final long MALFORMED = -1;
    /** Bytes of scratch memory for {@link #read}. */
    public static final int SCRATCH = 24;

    /** Addresses, tag, and the type after it. */
    private static final int LONGEST = Ethernet.HEADER + Ethernet.TAG;
    /** Bytes of the type. */
    private static final int TYPE = 2;
    private static final int TPID = Checksum.word(Ethernet.VLAN);
    private static final int VLAN_MASK = 0xFFF;
    private static final int PRIORITY_MASK = 0xF000;
    private static final long TAGGED = 1L << 48;

    private VlanTag() {
    }

    /**
     * Reads a frame's tag.
     *
     * @param scratch {@link #SCRATCH} bytes of the caller's
     * @return the tag without the VLAN that the frame is in, or {@link #MALFORMED}
     */
    public static long read(final Segments frame, final long scratch) {
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

    /** Returns the word for an untagged frame of a type in a VLAN. */
    public static long none(final int type, final int vlan) {
        return (long) Checksum.word(type) << 32 | vlan;
    }

    /** Returns the VLAN that the frame is in. */
    public static int vlan(final long tag) {
        return (int) tag & VLAN_MASK;
    }

    /** Returns the VLAN that the frame's tag names, or 0. */
    public static int named(final long tag) {
        return (int) (tag >>> 16) & VLAN_MASK;
    }

    /** Returns the bytes of the frame's Ethernet header, including the tag. */
    public static int header(final long tag) {
        return Ethernet.ADDRESSES + replaced(tag);
    }

    /** Returns the bytes of tag and type after the addresses, which {@link #write} replaces. */
    public static int replaced(final long tag) {
        return (tag & TAGGED) != 0 ? Ethernet.TAG + TYPE : TYPE;
    }

    /**
     * Whether the tag is a priority tag that hides another tag. If the priority tag were removed, the other one would
     * name the frame's VLAN.
     */
    public static boolean hidesAnother(final long tag) {
        return (tag & TAGGED) != 0 && named(tag) == 0 && (int) (tag >>> 32 & 0xFFFF) == TPID;
    }

    /**
     * Writes the outgoing tag and type, which replace those of the frame.
     *
     * @param tagged whether the frame leaves with a tag for its VLAN, or without a tag
     * @param to 8 bytes of the caller's
     * @return the number of bytes written
     */
    public static int write(final long tag, final boolean tagged, final long to) {
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
