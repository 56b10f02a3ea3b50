package io.ringbridge.datapath.memory;

import java.util.Arrays;

/**
 * A list of pieces of this process's memory: the content of a descriptor chain after validation and translation.
 *
 * <p>Reused for chain after chain. It grows to the longest chain seen, and allocates nothing after that. Owned by one
 * worker.
 */
public class Segments {
    /** The most pieces of a chain, as in QEMU and the kernel's vhost. */
    public static final int MAX_SEGMENTS = 1024;

    /** The first piece is nearly always the only one. As a field, it saves the load of a cache line. */
    private long firstAddress;
    private int firstLength;
    private int count;
    private int totalLength;
    private long[] addresses = new long[2];
    private int[] lengths = new int[2];

    /** Removes every piece. */
    public final void clear() {
        count = 0;
        totalLength = 0;
    }

    /** Sets the list to one piece, as in nearly every chain. */
    public final void set(final long address, final int length) {
        firstAddress = address;
        firstLength = length;
        count = 1;
        totalLength = length;
    }

    /**
     * Appends a piece.
     *
     * @return false if there would be too many pieces, or more than 2^31-1 bytes
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

    /** Returns the number of pieces. */
    public final int count() {
        return count;
    }

    /** Returns the sum of all lengths, in bytes. */
    public final int totalLength() {
        return totalLength;
    }

    public final long address(final int i) {
        return i == 0 ? firstAddress : addresses[i];
    }

    public final int length(final int i) {
        return i == 0 ? firstLength : lengths[i];
    }

    /**
     * Appends the pieces of another list.
     *
     * @return false if there would be too many pieces, or more than 2^31-1 bytes
     */
    public final boolean addAll(final Segments other) {
        for (int i = 0; i < other.count; i++) {
            if (!add(other.address(i), other.length(i))) {
                return false;
            }
        }
        return true;
    }

    /**
     * Becomes another list in which a new piece replaces some bytes. The result may have two pieces more than a chain.
     *
     * @param at the offset of the bytes to replace
     * @param bytes the number of bytes to replace; the other list must have that many from {@code at} on
     * @param address the address of the new piece
     * @param length the length of the new piece
     */
    public final void splice(final Segments other, final int at, final int bytes, final long address,
                             final int length) {
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

    /** Removes bytes from the front. The list must have that many. */
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

    /** Copies bytes from the front without removing them. The list must have that many. */
    public final void peek(final long to, final int bytes) {
        int done = 0;
        for (int i = 0; done < bytes; i++) {
            final int n = Math.min(length(i), bytes - done);
            Memory.copy(address(i), to + done, n);
            done += n;
        }
    }
}
