package io.ringbridge.datapath.driver;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.MemoryRegion;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;
import io.ringbridge.datapath.os.OsException;

import java.util.List;

/**
 * A guest's memory: one region in a memory file, allocated from the bottom up.
 *
 * <p>A device of this process sees the memory at the driver's addresses. To a back-end, the front-end announces these
 * addresses as user addresses, as DPDK's virtio-user does. Not thread safe: allocate before other threads start.
 */
public final class GuestRam implements AutoCloseable {
    /** The region's guest address. It is far from any address of this process, so that no back-end confuses the two. */
    public static final long GUEST_ADDRESS = 0x1_0000_0000L;

    private final MemFd file;
    private final MemoryRegion region;
    private long used;

    private GuestRam(final MemFd file, final MemoryRegion region) {
        this.file = file;
        this.region = region;
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

    /** Creates zeroed memory in a file that a back-end cannot truncate. */
    public static GuestRam sealed(final String name, final long size) {
        return over(MemFd.sealed(name, size));
    }

    private static GuestRam over(final MemFd file) {
        try {
            return new GuestRam(file,
                MemoryRegion.map(GUEST_ADDRESS, file.size(), GUEST_ADDRESS, 0, Fd.duplicate(file.fd())));
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
        return region.size();
    }

    /** Returns the start of the memory in this process. */
    public long address() {
        return region.hostAddress();
    }

    /** Returns the memory as a device of this process accesses it. It is valid until this object is closed. */
    public GuestMemory memory() {
        return GuestMemory.of(List.of(region));
    }

    /** Translates an address of this process to a guest address. */
    public long guestAddress(final long address) {
        return address - region.hostAddress() + GUEST_ADDRESS;
    }

    /**
     * Allocates memory. It is zero unless it was released before.
     *
     * @param alignment a power of two
     * @return the address in this process
     * @throws IllegalStateException if too little memory is left
     */
    public long allocate(final long bytes, final int alignment) {
        final long start = (used + alignment - 1) & -alignment;
        if (bytes > region.size() - start) {
            throw new IllegalStateException("guest memory of " + region.size() + " bytes has "
                + (region.size() - start) + " left; " + bytes + " were requested");
        }
        used = start + bytes;
        return region.hostAddress() + start;
    }

    /** Returns the number of bytes allocated, for {@link #release}. */
    public long allocated() {
        return used;
    }

    /** Frees the memory allocated since {@link #allocated} returned that number. The device must be done with it. */
    public void release(final long allocated) {
        used = allocated;
    }

    @Override
    public void close() {
        region.close();
        file.close();
    }
}
