package io.ringbridge.datapath.memory;

import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.FileWatch;
import io.ringbridge.datapath.os.Mapping;
import io.ringbridge.datapath.os.MemoryProbe;
import io.ringbridge.datapath.os.OsException;

/**
 * One mapped region of a guest's memory (vhost-user, "Memory region description").
 *
 * <p>Owns the mapping and the descriptor. The descriptor stays open so that {@link #intact} can detect that the file
 * under the mapping was truncated. The session creates and closes the region; workers only read this object.
 */
public final class MemoryRegion implements AutoCloseable {
    private final long guestAddress;
    private final long userAddress;
    private final long offset;
    private final int fd;
    private final Mapping mapping;
    private final FileWatch watch;
    private boolean closed;

    private MemoryRegion(final long guestAddress, final long userAddress, final long offset, final int fd,
                         final Mapping mapping) {
        this.guestAddress = guestAddress;
        this.userAddress = userAddress;
        this.offset = offset;
        this.fd = fd;
        this.mapping = mapping;
        watch = FileWatch.of(fd);
    }

    /**
     * Maps a region.
     *
     * @param guestAddress the region's start for the guest (a physical or I/O virtual address)
     * @param size in bytes
     * @param userAddress the region's start for the front-end; ring addresses are of this kind
     * @param offset the region's start in the file, in bytes
     * @param fd the file; the region owns it, and it is closed if the region is refused
     * @throws MemoryException if the numbers overflow, or the file does not cover the region
     */
    public static MemoryRegion map(final long guestAddress, final long size, final long userAddress,
                                   final long offset, final int fd) {
        try {
            if (size <= 0 || overflows(guestAddress, size) || overflows(userAddress, size)) {
                throw new MemoryException("region at guest address 0x" + Long.toHexString(guestAddress) + ", size 0x"
                    + Long.toHexString(size) + ", user address 0x" + Long.toHexString(userAddress)
                    + ": size must be positive and the end must not overflow");
            }
            return new MemoryRegion(guestAddress, userAddress, offset, fd, Mapping.map(fd, offset, size));
        } catch (final OsException e) {
            Fd.close(fd);
            throw new MemoryException("region at guest address 0x" + Long.toHexString(guestAddress) + ": "
                + e.getMessage(), e);
        } catch (final MemoryException e) {
            Fd.close(fd);
            throw e;
        }
    }

    private static boolean overflows(final long start, final long size) {
        return Long.compareUnsigned(start + (size - 1), start) < 0;
    }

    public long guestAddress() {
        return guestAddress;
    }

    public long userAddress() {
        return userAddress;
    }

    public long size() {
        return mapping.size();
    }

    /** Returns the region's start in the file, in bytes. */
    public long offset() {
        return offset;
    }

    /** Returns the file's descriptor, to hand it over; this object still owns it. */
    public int fd() {
        return fd;
    }

    /** Returns the region's start in this process. */
    public long hostAddress() {
        return mapping.address();
    }

    /** Maps the region a second time. */
    Mapping mapAgain() {
        return Mapping.map(fd, offset, size());
    }

    /** Returns the location in the file of an address of this process, which must be in the region. */
    FilePlace filePlace(final long address) {
        return new FilePlace(Fd.device(fd), Fd.inode(fd), offset + (address - hostAddress()));
    }

    /** Whether the file still covers the region. If not, an access beyond its end raises {@code InternalError}. */
    public boolean intact() {
        return Mapping.fileSize(fd) >= offset + mapping.size();
    }

    /** Whether a system call has truncated, extended or written the file since the region was mapped. */
    public boolean fileWasChanged() {
        return watch.isChanged();
    }

    /** Whether the whole region can be accessed, see {@link MemoryProbe}. */
    public boolean isThere() {
        return MemoryProbe.isThere(mapping.address(), mapping.size(), true);
    }

    /** Whether this region and another share a guest address or a user address. */
    public boolean overlaps(final MemoryRegion other) {
        return overlap(guestAddress, size(), other.guestAddress, other.size())
            || overlap(userAddress, size(), other.userAddress, other.size());
    }

    private static boolean overlap(final long a, final long aSize, final long b, final long bSize) {
        return Long.compareUnsigned(b - a, aSize) < 0 || Long.compareUnsigned(a - b, bSize) < 0;
    }

    /** Whether a REM_MEM_REG with these numbers refers to this region. */
    public boolean matches(final long otherGuestAddress, final long otherSize, final long otherUserAddress) {
        return guestAddress == otherGuestAddress && size() == otherSize && userAddress == otherUserAddress;
    }

    /** Whether another region is the same part of the same file, at the same addresses. */
    public boolean sameAs(final MemoryRegion other) {
        return matches(other.guestAddress, other.size(), other.userAddress) && offset == other.offset
            && Fd.sameFile(fd, other.fd);
    }

    /** Unmaps the region and closes its file. No worker may use the region any more. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            watch.close();
            mapping.close();
            Fd.close(fd);
        }
    }
}
