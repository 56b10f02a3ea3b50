package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.os.MemoryProbe;

/**
 * The addresses of the three parts of a virtqueue in this process (virtio 1.2, section 2.6).
 *
 * @param descriptors the descriptor table; packed: the descriptor ring
 * @param driver the driver area: the available ring; packed: the driver event suppression structure
 * @param device the device area: the used ring; packed: the device event suppression structure
 * @param log the guest address that the dirty log has for the first byte of {@code device}; it need not be in the
 *     guest's memory
 */
public record RingAddresses(long descriptors, long driver, long device, long log) {
    /** The value of {@code log} if the device's writes to the ring are not logged. */
    public static final long NOT_LOGGED = -1;

    private static final long DESCRIPTOR_ALIGNMENT = 16;
    private static final long USED_ALIGNMENT = 4;
    private static final long AVAILABLE_ALIGNMENT = 2;
    private static final long EVENT_ALIGNMENT = 4;

    /** Creates the addresses of a ring that is not logged. */
    public RingAddresses(final long descriptors, final long driver, final long device) {
        this(descriptors, driver, device, NOT_LOGGED);
    }

    /** Returns the bytes of the descriptor table or descriptor ring. */
    public static long descriptorBytes(final int size) {
        return 16L * size;
    }

    /** Returns the bytes of the driver area. A split ring's includes {@code used_event}. */
    public static long driverBytes(final int size, final boolean packed) {
        return packed ? 4 : 6 + 2L * size;
    }

    /** Returns the bytes of the device area. A split ring's includes {@code avail_event}. */
    public static long deviceBytes(final int size, final boolean packed) {
        return packed ? 4 : 6 + 8L * size;
    }

    /** Whether all parts are aligned (virtio 1.2, sections 2.7 and 2.8.10). */
    public boolean areAligned(final boolean packed) {
        return descriptors % DESCRIPTOR_ALIGNMENT == 0 && driver % (packed ? EVENT_ALIGNMENT : AVAILABLE_ALIGNMENT) == 0
            && device % (packed ? EVENT_ALIGNMENT : USED_ALIGNMENT) == 0;
    }

    /** Adds all parts to the touched ranges. */
    void add(final int size, final boolean packed, final TouchedRanges ranges) {
        ranges.add(descriptors, descriptorBytes(size), packed);
        ranges.add(driver, driverBytes(size, packed), false);
        ranges.add(device, deviceBytes(size, packed), true);
    }

    /** Whether all parts are accessible, see {@link MemoryProbe}. For use after a fault. */
    boolean areAccessible(final int size, final boolean packed) {
        return MemoryProbe.isThere(descriptors, descriptorBytes(size), packed)
            && MemoryProbe.isThere(driver, driverBytes(size, packed), false)
            && MemoryProbe.isThere(device, deviceBytes(size, packed), true);
    }
}
