package io.ringbridge.datapath.ring;

/** The flags of a descriptor, split and packed alike (virtio 1.2, sections 2.7.5 and 2.8.1). */
final class Descriptor {
    /** Bytes of a descriptor of either layout. */
    static final int SIZE = 16;
    /** The chain goes on. */
    static final int NEXT = 1;
    /** The device writes to the buffer; without it the device reads. */
    static final int WRITE = 2;
    /** The buffer is a table of descriptors. */
    static final int INDIRECT = 4;

    private Descriptor() {
    }

    /**
     * The flags in an indirect table. Of a packed one, DPDK's driver says that the device writes to the virtio-net header, which its tables
     * begin with: it is read all the same.
     *
     * @param rest the descriptor's second word
     * @param linked whether the table is a split ring's
     * @param header whether this may be the header of a frame to be sent
     */
    static int flagsInTable(final long rest, final boolean linked, final boolean header) {
        final int flags = (int) (rest >>> (linked ? 32 : 48)) & 0xFFFF;
        return header && !linked ? flags & ~WRITE : flags;
    }
}
