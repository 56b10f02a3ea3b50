package io.ringbridge.datapath.memory;

import java.util.Arrays;

/**
 * A list of pieces of this process's memory: what a descriptor chain amounts to once it is checked and translated.
 *
 * <p>Reused from chain to chain; it grows to the longest chain seen and then allocates no more. Owned by one worker.
 */
public class Segments {
    /** The most pieces a chain may have; what QEMU and the kernel's vhost take. */
    public static final int MAX_SEGMENTS = 1024;

    /** The first piece, which is nearly always the only one, beside the lists: one line less to load. */
    private long firstAddress;
    private int firstLength;
    private int count;
    private int totalLength;
    private long[] addresses = new long[2];
    private int[] lengths = new int[2];

    /** Forgets every piece. */
    public final void clear() {
        count = 0;
        totalLength = 0;
    }

    /** Makes it one piece: what nearly every chain is. */
    public final void set(final long address, final int length) {
        firstAddress = address;
        firstLength = length;
        count = 1;
        totalLength = length;
    }

    /**
     * Appends a piece.
     *
     * @return false when there are too many, or their sum passes 2^31-1 bytes
     */
    public final boolean add(final long address, final int length) {
        if (count == MAX_SEGMENTS || length > Integer.MAX_VALUE - totalLength) {
            return false;
        }
        append(address, length);
        return true;
    }

    private void put(final int i, final long address, final int length) {
        if (i == 0) {
            firstAddress = address;
            firstLength = length;
        } else {
            addresses[i] = address;
            lengths[i] = length;
        }
    }

    private void grow() {
        addresses = Arrays.copyOf(addresses, addresses.length * 4);
        lengths = Arrays.copyOf(lengths, lengths.length * 4);
    }

    /** The number of pieces. */
    public final int count() {
        return count;
    }

    /** The sum of all lengths, in bytes. */
    public final int totalLength() {
        return totalLength;
    }

    public final long address(final int i) {
        return i == 0 ? firstAddress : addresses[i];
    }

    public final int length(final int i) {
        return i == 0 ? firstLength : lengths[i];
    }

    /** Appends the pieces of another list. */
    public final boolean addAll(final Segments other) {
        for (int i = 0; i < other.count; i++) {
            if (!add(other.address(i), other.length(i))) {
                return false;
            }
        }
        return true;
    }

    /**
     * Becomes another list, with a piece of the caller's in place of some of its bytes. It may have two pieces more than a chain may.
     *
     * @param at where these bytes begin
     * @param bytes how many they are; no more than there are from there
     */
    public final void splice(final Segments other, final int at, final int bytes, final long address, final int length) {
        clear();
        int piece = 0;
        int offset = 0;
        for (int left = at; left > 0;) {
            final int n = Math.min(left, other.length(piece));
            append(other.address(piece), n);
            left -= n;
            offset = n;
            piece += left > 0 ? 1 : 0;
        }
        append(address, length);
        offset += bytes;
        for (; piece < other.count; piece++) {
            final int rest = other.length(piece) - offset;
            if (rest > 0) {
                append(other.address(piece) + offset, rest);
            }
            offset = Math.max(0, -rest);
        }
    }

    private void append(final long address, final int length) {
        if (count == lengths.length) {
            grow();
        }
        put(count++, address, length);
        totalLength += length;
    }

    /** Drops bytes from the front; no more than there are. */
    public final void skip(final int bytes) {
        totalLength -= bytes;
        int rest = bytes;
        int first = 0;
        while (first < count && rest >= length(first)) {
            rest -= length(first++);
        }
        if (first > 0) {
            count -= first;
            for (int i = 0; i < count; i++) {
                put(i, address(first + i), length(first + i));
            }
        }
        firstAddress += rest;
        firstLength -= rest;
    }

    /** Copies bytes from the front to one place, without dropping them; no more than there are. */
    public final void peek(final long to, final int bytes) {
        int done = 0;
        for (int i = 0; done < bytes; i++) {
            final int n = Math.min(length(i), bytes - done);
            Memory.copy(address(i), to + done, n);
            done += n;
        }
    }
}
