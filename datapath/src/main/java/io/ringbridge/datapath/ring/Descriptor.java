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
}
