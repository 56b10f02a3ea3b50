package io.ringbridge.datapath.ring;

/**
 * The layout of a packed virtqueue, for both sides (virtio 1.2, section 2.8).
 *
 * <pre>
 *  descriptor, 16 bytes              event suppression structure, one per side
 *  u64 address                       u16 offset (0-14), wrap counter (15)
 *  u32 length                        u16 flags: 0 always, 1 never, 2 at that descriptor
 *  u16 buffer id
 *  u16 flags
 * </pre>
 */
final class Packed {
    /** If equal to the driver's wrap counter, the descriptor was made available in this round. */
    static final int AVAIL = 1 << 7;
    /** If it equals the wrap counter as well, the descriptor was used in this round. */
    static final int USED = 1 << 15;
    static final int FLAGS = 14;
    static final int EVENT_FLAGS = 2;
    static final int EVENT_ALWAYS = 0;
    static final int EVENT_NEVER = 1;
    static final int EVENT_AT = 2;
    static final int WRAP = 1 << 15;

    private Packed() {
    }

    /** Returns the half of a base, as in SET_VRING_BASE, that is the used position. */
    static int usedBase(final int base) {
        // Some front-ends set the lower half only. No chain is in flight then, so both positions are the same.
        return base >>> 16 == 0 ? base & 0xFFFF : base >>> 16;
    }

    /** Whether a descriptor with these flags was made available, and not used, in the round with this wrap counter. */
    static boolean isAvailable(final int flags, final boolean wrap) {
        return (flags & AVAIL) != 0 == wrap && (flags & USED) != 0 != wrap;
    }

    /** Whether a descriptor with these flags was used in the round with this wrap counter. */
    static boolean isUsed(final int flags, final boolean wrap) {
        return (flags & AVAIL) != 0 == wrap && (flags & USED) != 0 == wrap;
    }

    /**
     * Whether the step from {@code old} to {@code now} passed the descriptor at which the other side wants a
     * notification.
     *
     * @param event the descriptor's offset and wrap counter, from the event suppression structure
     * @param wrap the wrap counter at {@code now}
     */
    static boolean passed(final int event, final int now, final int old, final boolean wrap, final int size) {
        final int offset = event & WRAP - 1;
        final int at = (event & WRAP) != 0 == wrap ? offset : offset - size;
        return RingIndex.passed(at, now, now <= old ? old - size : old);
    }
}
