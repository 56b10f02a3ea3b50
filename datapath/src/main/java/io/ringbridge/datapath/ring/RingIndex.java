package io.ringbridge.datapath.ring;

/** Arithmetic of free-running 16-bit ring indices, which wrap at 65536 whatever the ring's size (virtio 1.2, section 2.7.6). */
final class RingIndex {
    static final int MASK = 0xFFFF;

    private RingIndex() {
    }

    /** How far {@code to} is ahead of {@code from}: 0 to 65535. */
    static int distance(final int from, final int to) {
        return to - from & MASK;
    }

    /** The index {@code by} entries on; {@code by} may be negative. */
    static int advance(final int index, final int by) {
        return index + by & MASK;
    }

    /**
     * Returns where a split ring resumes: at its used index, since buffers are used in the order in which they were made available. The
     * base counts if the driver cannot be that far ahead of the used index, so that this is not the index of a device that ran before.
     */
    static int resume(final int used, final int available, final int size, final int base) {
        return distance(used, available) <= size ? used : base & MASK;
    }

    /**
     * Whether moving from {@code old} to {@code now} passed the entry after which the other side asked to be told
     * (virtio 1.2, section 2.7.7.1).
     */
    static boolean passed(final int event, final int now, final int old) {
        return distance(event + 1, now) < distance(old, now);
    }
}
