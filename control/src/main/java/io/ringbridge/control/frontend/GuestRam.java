package io.ringbridge.control.frontend;

import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.os.OsException;

/**
 * A guest's memory: one region in a memory file, allocated from the bottom up.
 *
 * <p>User addresses are this process's own, as with DPDK's virtio-user. Not thread safe: allocate before other threads
 * start.
 */
public final class GuestRam implements AutoCloseable {
    /** The region's guest address. It is far from any address of this process, so that no back-end confuses the two. */
    public static final long GUEST_ADDRESS = 0x1_0000_0000L;

    private final MemFd file;
    private final Mapping mapping;
    private long used;

    private GuestRam(final MemFd file, final Mapping mapping) {
        this.file = file;
        this.mapping = mapping;
    }

    /** Creates zeroed memory. */
    public static GuestRam create(final String name, final long size) {
        return over(MemFd.create(name, size));
    }

    /**
     * Creates zeroed memory in pages of 2 MiB, as fast virtual machines use it.
     *
     * @param size in bytes, a multiple of the page size
     * @throws OsException if the system has too few huge pages
     */
    public static GuestRam ofHugePages(final String name, final long size) {
        return over(MemFd.ofHugePages(name, size));
    }

    private static GuestRam over(final MemFd file) {
        try {
            return new GuestRam(file, Mapping.map(file.fd(), 0, file.size()));
        } catch (final RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** Returns the memory file, which this object still owns. */
    public MemFd file() {
        return file;
    }

    public long size() {
        return mapping.size();
    }

    /** Returns the start of the memory in this process. */
    public long address() {
        return mapping.address();
    }

    /** Translates an address of this process to a guest address. */
    public long guestAddress(final long address) {
        return address - mapping.address() + GUEST_ADDRESS;
    }

    /**
     * Allocates memory that was never used before.
     *
     * @param alignment a power of two
     * @return the address in this process
     * @throws IllegalStateException if too little memory is left
     */
    public long allocate(final long bytes, final int alignment) {
        final long start = (used + alignment - 1) & -alignment;
        if (bytes > mapping.size() - start) {
            throw new IllegalStateException("guest memory of " + mapping.size() + " bytes has "
                + (mapping.size() - start) + " left; " + bytes + " were requested");
        }
        used = start + bytes;
        return mapping.address() + start;
    }

    @Override
    public void close() {
        mapping.close();
        file.close();
    }
}
