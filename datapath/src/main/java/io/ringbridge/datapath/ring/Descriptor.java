package io.ringbridge.datapath.ring;

/** The flags of a descriptor of a split or a packed ring (virtio 1.2, sections 2.7.5 and 2.8.1). */
final class Descriptor {
    /** Bytes per descriptor of either layout. */
    static final int SIZE = 16;
    /** The chain continues with another descriptor. */
    static final int NEXT = 1;
    /** The device writes to the buffer. Without this flag, it reads the buffer. */
    static final int WRITE = 2;
    /** The buffer is a table of descriptors. */
    static final int INDIRECT = 4;

    private Descriptor() {
    }

    /**
     * Returns the flags of a descriptor in an indirect table.
     *
     * <p>In packed rings, DPDK's driver marks the virtio-net header of a transmitted frame as writable by the device.
     * The device reads the header nevertheless, so the flag is removed.
     *
     * @param rest the descriptor's second word
     * @param linked whether the table belongs to a split ring
     * @param header whether the buffer may be the header of a transmitted frame
     */
    static int flagsInTable(final long rest, final boolean linked, final boolean header) {
        final int flags = (int) (rest >>> (linked ? 32 : 48)) & 0xFFFF;
        return header && !linked ? flags & ~WRITE : flags;
    }
}
