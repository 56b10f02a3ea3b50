package io.ringbridge.control.frontend;

import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.os.OsException;

/**
 * A guest's memory: one region in a memory file, handed out from the bottom up.
 *
 * <p>User addresses are this process's own, as with DPDK's virtio-user. Not thread safe: allocate before other threads start.
 */
public final class GuestRam implements AutoCloseable {
    /** Where the guest sees it; far from where this process does, so that no back-end mistakes one for the other. */
    public static final long GUEST_ADDRESS = 0x1_0000_0000L;

    private final MemFd file;
    private final Mapping mapping;
    private long used;

    private GuestRam(final MemFd file, final Mapping mapping) {
        this.file = file;
        this.mapping = mapping;
    }

    /** Makes memory of zeros. */
    public static GuestRam create(final String name, final long size) {
        return over(MemFd.create(name, size));
    }

    /**
     * Makes memory of zeros in pages of 2 MiB, as machines have it that are to be fast.
     *
     * @param size of whole pages
     * @throws OsException where the system has not enough of them
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

    /** The file; it stays this object's. */
    public MemFd file() {
        return file;
    }

    public long size() {
        return mapping.size();
    }

    /** Where it begins in this process. */
    public long address() {
        return mapping.address();
    }

    /** What the guest calls an address of this process. */
    public long guestAddress(final long address) {
        return address - mapping.address() + GUEST_ADDRESS;
    }

    /**
     * Hands out a part that was never used.
     *
     * @param alignment a power of two
     * @return its address in this process
     * @throws IllegalStateException when there is not enough left
     */
    public long allocate(final long bytes, final int alignment) {
        final long start = (used + alignment - 1) & -alignment;
        if (bytes > mapping.size() - start) {
            throw new IllegalStateException("guest memory of " + mapping.size() + " bytes has " + (mapping.size() - start)
                + " left; " + bytes + " are asked for");
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
