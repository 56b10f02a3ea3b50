package io.ringbridge.datapath.frame;

import io.ringbridge.datapath.memory.Memory;

/**
 * The internet checksum (RFC 1071): the one's complement sum of 16-bit words.
 *
 * <p>Sums are of words as a little-endian machine reads them. That only swaps the bytes of every sum, so that one stored as it is has
 * them in the order of the network; the carries make the number of words added at a time of no matter.
 */
public final class Checksum {
    private static final long HALF = 0xFFFF_FFFFL;
    private static final int BLOCK = 32;

    private Checksum() {
    }

    /** The sum of some bytes, an odd last one taken as if a zero followed. */
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

    /** A sum in 16 bits. */
    public static int fold(final long sum) {
        long folded = (sum & HALF) + (sum >>> 32);
        folded = (folded & 0xFFFF) + (folded >>> 16);
        folded = (folded & 0xFFFF) + (folded >>> 16);
        return (int) ((folded & 0xFFFF) + (folded >>> 16));
    }

    /** The sum of bytes that lie at an odd distance from where the words begin. */
    public static int swap(final int sum) {
        return (sum & 0xFF) << 8 | sum >>> 8;
    }

    /** A number as a word of the network's order has it, to be added to a sum. */
    public static int word(final int number) {
        return swap(number & 0xFFFF);
    }

    /** What is stored for a sum. */
    public static short complement(final long sum) {
        return (short) ~fold(sum);
    }

    /** What is stored for a sum where a zero says that there is none, as in UDP: the other zero there is in one's complement. */
    public static short given(final long sum) {
        final short complement = complement(sum);
        return complement == 0 ? -1 : complement;
    }
}
