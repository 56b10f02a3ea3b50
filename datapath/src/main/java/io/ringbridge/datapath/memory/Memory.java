package io.ringbridge.datapath.memory;

import org.agrona.UnsafeApi;
import org.jspecify.annotations.Nullable;

/**
 * Loads, stores and copies at raw addresses; the only user of {@code UnsafeApi}.
 *
 * <p>Values are little-endian, as virtio 1.x requires and as every supported machine is. Nothing is checked here: an
 * address comes from {@link GuestMemory#translate}, which has checked the whole range. Plain accesses are unordered.
 * The publication of the rings relies on the {@code Acquire}, {@code Release} and {@code fullFence} methods (virtio
 * 1.2, sections 2.7.13 and 2.8.21).
 */
public final class Memory {
    private static final long WORD = 8;
    /** A list of three entries, so that a loop over the list jumps back twice. */
    private static final Step FIRST_STEP = new Step(new Step(new Step(null)));

    /** An entry of a list. The field is not final, so that the compiler does not know the length of the list. */
    private static final class Step {
        private @Nullable Step next;

        Step(final @Nullable Step next) {
            this.next = next;
        }
    }

    private Memory() {
    }

    public static byte getByte(final long address) {
        return UnsafeApi.getByte(address);
    }

    public static void putByte(final long address, final byte value) {
        UnsafeApi.putByte(address, value);
    }

    public static short getShort(final long address) {
        return UnsafeApi.getShort(address);
    }

    public static void putShort(final long address, final short value) {
        UnsafeApi.putShort(address, value);
    }

    public static int getInt(final long address) {
        return UnsafeApi.getInt(address);
    }

    public static void putInt(final long address, final int value) {
        UnsafeApi.putInt(address, value);
    }

    public static long getLong(final long address) {
        return UnsafeApi.getLong(address);
    }

    public static void putLong(final long address, final long value) {
        UnsafeApi.putLong(address, value);
    }

    /** Loads a value. No later load or store is reordered before this load. */
    public static short getShortAcquire(final long address) {
        return UnsafeApi.getShortAcquire(null, address);
    }

    /** Loads a value. No later load or store is reordered before this load. */
    public static long getLongAcquire(final long address) {
        return UnsafeApi.getLongAcquire(null, address);
    }

    /** Stores a value. No earlier load or store is reordered after this store. */
    public static void putShortRelease(final long address, final short value) {
        UnsafeApi.putShortRelease(null, address, value);
    }

    /** Stores a value. No earlier load or store is reordered after this store. */
    public static void putLongRelease(final long address, final long value) {
        UnsafeApi.putLongRelease(null, address, value);
    }

    /**
     * Sets bits of a byte that other processes change too. If all these bits are set already, the byte is not written,
     * because a write would take the cache line from other processors.
     *
     * @return whether the byte was written
     */
    public static boolean setBits(final long address, final byte bits) {
        final boolean unset = (UnsafeApi.getByte(address) & bits) != bits;
        if (unset) {
            UnsafeApi.getAndBitwiseOrByte(null, address, bits);
        }
        return unset;
    }

    /** Prevents the reordering of loads and stores across this point, in either direction. */
    public static void fullFence() {
        UnsafeApi.fullFence();
    }

    /**
     * Raises the {@code InternalError} of a fault in this thread, if the JVM has not raised it yet. The JVM raises the
     * error at the next safepoint poll that allows it, which may be several calls after the access. A loop of unknown
     * length polls at every backward jump, whether the loop is interpreted or compiled. The loop takes 2 ns; a native
     * method, which polls on its return, takes 13 ns.
     */
    public static void surfaceFault() {
        Step step = FIRST_STEP;
        while (step != null) {
            step = step.next;
        }
    }

    /** Discards a fault in this thread that the JVM has not raised yet. */
    public static void forgetFault() {
        try {
            surfaceFault();
        } catch (InternalError _) {
            // This was the fault to discard.
        }
    }

    /** Returns the bytes of a page of this process's memory. */
    public static int pageSize() {
        return UnsafeApi.pageSize();
    }

    /** Allocates zeroed memory that is never freed, such as a worker's scratch memory. */
    public static long allocate(final long bytes) {
        final long address = UnsafeApi.allocateMemory(bytes);
        zero(address, bytes);
        return address;
    }

    /** Fills a range with zeros. */
    public static void zero(final long address, final long length) {
        UnsafeApi.setMemory(address, length, (byte) 0);
    }

    /** Copies between ranges that do not overlap. */
    public static void copy(final long from, final long to, final int length) {
        if (length >= WORD && length < 64) {
            copyWords(from, to, length);
        } else {
            UnsafeApi.copyMemory(from, to, length);
        }
    }

    /**
     * Copies whole words from the start, then the word that ends with the last byte. The last two words may overlap,
     * which is cheaper than a loop over the remaining bytes.
     */
    private static void copyWords(final long from, final long to, final int length) {
        final long last = length - WORD;
        final long tail = UnsafeApi.getLong(from + last);
        for (long i = 0; i < last; i += WORD) {
            UnsafeApi.putLong(to + i, UnsafeApi.getLong(from + i));
        }
        UnsafeApi.putLong(to + last, tail);
    }

    /** Copies from a byte array. */
    public static void copy(final byte[] from, final int offset, final long to, final int length) {
        for (int i = 0; i < length; i++) {
            putByte(to + i, from[offset + i]);
        }
    }

    /** Copies to a byte array. */
    public static void copy(final long from, final byte[] to, final int offset, final int length) {
        for (int i = 0; i < length; i++) {
            to[offset + i] = getByte(from + i);
        }
    }
}
