package io.ringbridge.datapath.packet;

import io.ringbridge.datapath.memory.Memory;

/**
 * The internet checksum (RFC 1071): the one's complement sum of 16-bit words.
 *
 * <p>The words are added as a little-endian machine reads them. This only swaps the two bytes of the sum, so a sum that
 * is stored as it is has them in network order. Because the carries are added back, words of any size may be summed.
 */
public final class Checksum {
    private static final long HALF = 0xFFFF_FFFFL;
    private static final int BLOCK = 32;

    private Checksum() {
    }

    /** Returns the sum of some bytes. If their number is odd, a zero byte is assumed after the last one. */
    public static int sum(final long address, final int length) {
        long low = 0;
        long high = 0;
        int at = 0;
        for (; at <= length - BLOCK; at += BLOCK) {
            final long a = Memory.getLong(address + at);
            final long b = Memory.getLong(address + at + 8);
            final long c = Memory.getLong(address + at + 16);
            final long d = Memory.getLong(address + at + 24);
            low += (a & HALF) + (b & HALF) + (c & HALF) + (d & HALF);
            high += (a >>> 32) + (b >>> 32) + (c >>> 32) + (d >>> 32);
        }
        for (; at <= length - 4; at += 4) {
            low += Memory.getInt(address + at) & HALF;
        }
        if (at <= length - 2) {
            low += Memory.getShort(address + at) & 0xFFFF;
            at += 2;
        }
        if (at < length) {
            low += Memory.getByte(address + at) & 0xFF;
        }
        return fold(low + high);
    }

    /** Returns a sum folded to 16 bits. */
    public static int fold(final long sum) {
        long folded = (sum & HALF) + (sum >>> 32);
        folded = (folded & 0xFFFF) + (folded >>> 16);
        folded = (folded & 0xFFFF) + (folded >>> 16);
        return (int) ((folded & 0xFFFF) + (folded >>> 16));
    }

    /** Returns the sum of the same bytes at an odd offset from the start of the words. */
    public static int swap(final int sum) {
        return (sum & 0xFF) << 8 | sum >>> 8;
    }

    /** Returns the word that holds a number in network order, to be added to a sum. */
    public static int word(final int number) {
        return swap(number & 0xFFFF);
    }

    /** Returns the checksum field for a sum. */
    public static short complement(final long sum) {
        return (short) ~fold(sum);
    }

    /**
     * Returns the checksum field for a sum if a field of zero means "no checksum", as in UDP. In that case, zero is
     * stored as 0xFFFF, which is the other zero of one's complement.
     */
    public static short given(final long sum) {
        final short complement = complement(sum);
        return complement == 0 ? -1 : complement;
    }
}
