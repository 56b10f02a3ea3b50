package io.ringbridge.datapath.ring;

/** Arithmetic of free-running 16-bit ring indices. They wrap at 65536 for any ring size (virtio 1.2, section 2.7.6). */
final class RingIndex {
    static final int MASK = 0xFFFF;

    private RingIndex() {
    }

    /** Returns how far {@code to} is ahead of {@code from}: 0 to 65535. */
    static int distance(final int from, final int to) {
        return to - from & MASK;
    }

    /** Returns the index {@code by} entries ahead. {@code by} may be negative. */
    static int advance(final int index, final int by) {
        return index + by & MASK;
    }

    /**
     * Returns the index from which a split ring resumes. This is the used index, since buffers are used in the order in
     * which they were made available. If the driver cannot be that far ahead of it, no earlier device wrote the used
     * index; the ring then resumes from the base.
     */
    static int resume(final int used, final int available, final int size, final int base) {
        return distance(used, available) <= size ? used : base & MASK;
    }

    /**
     * Whether the step from {@code old} to {@code now} passed the entry after which the other side wants a notification
     * (virtio 1.2, section 2.7.7.1).
     */
    static boolean passed(final int event, final int now, final int old) {
        return distance(event + 1, now) < distance(old, now);
    }
}
