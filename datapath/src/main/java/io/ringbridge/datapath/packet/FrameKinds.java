package io.ringbridge.datapath.packet;

/**
 * Kinds of frames, by length and by destination, as counts that many frames can be added to in one word.
 *
 * <p>The classes of length are those of RFC 2819, etherStatsPkts64Octets and its successors. Lengths are without the
 * frame check sequence, since no frame in the switch has one. A shorter frame is in the first class, and a longer one
 * in the last.
 * <pre>
 *  counts of lengths        bits 9c to 9c + 8: frames of class c
 *  counts of destinations   bits 0 to 31: multicast, bits 32 to 63: broadcast
 * </pre>
 */
public final class FrameKinds {
    /** The number of classes of length. */
    public static final int LENGTHS = 7;

    private static final int BITS = 9;
    private static final long MASK = (1L << BITS) - 1;
    private static final int[] LONGEST = {64, 127, 255, 511, 1023, 1518};
    /** The position of a class by the length of a frame. The last entry stands for all longer frames. */
    private static final byte[] SHIFTS = shifts();
    private static final int GROUP_BITS = 32;
    private static final long MULTICAST = 1;
    private static final long BROADCAST = 1L << GROUP_BITS;
    private static final long GROUP_MASK = (1L << GROUP_BITS) - 1;
    private static final long ADDRESS_MASK = 0xFFFF_FFFF_FFFFL;

    private FrameKinds() {
    }

    private static byte[] shifts() {
        final byte[] shifts = new byte[LONGEST[LONGEST.length - 1] + 2];
        for (int length = 0, c = 0; length < shifts.length; length++) {
            c += c < LONGEST.length && length > LONGEST[c] ? 1 : 0;
            shifts[length] = (byte) (c * BITS);
        }
        return shifts;
    }

    /** Returns the length of the longest frame of a class; the last class has no such limit. */
    public static int longest(final int lengthClass) {
        return LONGEST[lengthClass];
    }

    /** Returns the counts of lengths for one frame. At most 511 of them may be added. */
    public static long ofLength(final int length) {
        return 1L << position(length);
    }

    /**
     * Returns the counts of lengths for some frames, of which there are at most 511. Compares the shortest with the
     * longest first, because most bursts have frames of one class: that loop is compiled to vector instructions.
     *
     * @param lengths the frames' lengths, each with {@code excess} bytes that do not count
     */
    public static long ofLengths(final int[] lengths, final int frames, final int excess) {
        if (frames == 0) {
            return 0;
        }
        int shortest = Integer.MAX_VALUE;
        int longest = 0;
        for (int i = 0; i < frames; i++) {
            shortest = Math.min(shortest, lengths[i]);
            longest = Math.max(longest, lengths[i]);
        }
        final int position = position(longest - excess);
        return position == position(shortest - excess) ? (long) frames << position : ofMixed(lengths, frames, excess);
    }

    private static long ofMixed(final int[] lengths, final int frames, final int excess) {
        long counts = 0;
        for (int i = 0; i < frames; i++) {
            counts += ofLength(lengths[i] - excess);
        }
        return counts;
    }

    private static int position(final int length) {
        return SHIFTS[Math.min(length, SHIFTS.length - 1)];
    }

    /** Returns the class of the lowest count that is not 0. */
    public static int lowestClass(final long lengths) {
        return Long.numberOfTrailingZeros(lengths) / BITS;
    }

    /** Returns the count of a class. */
    public static long count(final long lengths, final int lengthClass) {
        return lengths >>> lengthClass * BITS & MASK;
    }

    /** Returns these counts with that of a class set to 0. */
    public static long without(final long lengths, final int lengthClass) {
        return lengths & ~(MASK << lengthClass * BITS);
    }

    /**
     * Returns the counts of destinations for one frame; 0 if the destination is a unicast address.
     *
     * @param destination its lowest 48 bits are an address whose first byte on the wire is the lowest
     */
    public static long ofDestination(final long destination) {
        final long address = destination & ADDRESS_MASK;
        return address == ADDRESS_MASK ? BROADCAST : MacAddress.isGroup(address) ? MULTICAST : 0;
    }

    /** Returns the frames to multicast addresses, without broadcasts. */
    public static long multicasts(final long destinations) {
        return destinations & GROUP_MASK;
    }

    /** Returns the broadcasts. */
    public static long broadcasts(final long destinations) {
        return destinations >>> GROUP_BITS;
    }
}
