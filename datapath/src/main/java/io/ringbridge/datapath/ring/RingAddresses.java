package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.os.MemoryProbe;

/**
 * Where the three parts of a virtqueue are in this process (virtio 1.2, section 2.6).
 *
 * @param descriptors the descriptor table; packed: the descriptor ring
 * @param driver what the driver writes: the available ring; packed: the driver event suppression structure
 * @param device what the device writes: the used ring; packed: the device event suppression structure
 * @param log the guest address under which what the device writes to the ring is logged; it stands for the first byte of
 *     {@code device}, and need not be in the guest's memory
 */
public record RingAddresses(long descriptors, long driver, long device, long log) {
    /** What the device writes to the ring is not logged. */
    public static final long NOT_LOGGED = -1;

    /** Parts of a ring that is not logged. */
    public RingAddresses(final long descriptors, final long driver, final long device) {
        this(descriptors, driver, device, NOT_LOGGED);
    }

    /** Bytes of the descriptor table, or descriptor ring. */
    public static long descriptorBytes(final int size) {
        return 16L * size;
    }

    /** Bytes of what the driver writes; a split ring's include {@code used_event}. */
    public static long driverBytes(final int size, final boolean packed) {
        return packed ? 4 : 6 + 2L * size;
    }

    /** Bytes of what the device writes; a split ring's include {@code avail_event}. */
    public static long deviceBytes(final int size, final boolean packed) {
        return packed ? 4 : 6 + 8L * size;
    }

    /** Adds all parts to what is touched. */
    void add(final int size, final boolean packed, final TouchedRanges ranges) {
        ranges.add(descriptors, descriptorBytes(size), packed);
        ranges.add(driver, driverBytes(size, packed), false);
        ranges.add(device, deviceBytes(size, packed), true);
    }

    /** Whether all parts can be touched, see {@link MemoryProbe}. For use after a fault. */
    boolean areThere(final int size, final boolean packed) {
        return MemoryProbe.isThere(descriptors, descriptorBytes(size), packed)
            && MemoryProbe.isThere(driver, driverBytes(size, packed), false)
            && MemoryProbe.isThere(device, deviceBytes(size, packed), true);
    }
}
