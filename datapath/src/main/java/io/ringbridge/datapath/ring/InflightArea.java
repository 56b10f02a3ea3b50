package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.MemoryException;
import io.ringbridge.datapath.memory.MemoryRegion;
import org.jspecify.annotations.Nullable;

/**
 * A mapped part of a file that records the chains in flight of several virtqueues. It outlives this process.
 *
 * <p>Other processes that have the file may write to it at any time, so all that is read back is checked. The session
 * creates and closes the area. It may close the area only after every ring that writes to it was stopped.
 */
public final class InflightArea implements AutoCloseable {
    private final MemoryRegion memory;
    private final int queues;
    private final int queueSize;

    private InflightArea(final MemoryRegion memory, final int queues, final int queueSize) {
        this.memory = memory;
        this.queues = queues;
        this.queueSize = queueSize;
    }

    /** Returns the bytes needed for that many queues of this size. */
    public static long bytes(final int queues, final int queueSize, final boolean packed) {
        return queues * InflightRegion.bytes(queueSize, packed);
    }

    /**
     * Maps an area.
     *
     * @param fd the file; the area owns it from now on, and closes it if the mapping fails
     * @param offset the start of the area in the file, in bytes
     * @param size in bytes
     * @param queues the number of queues that have a region, at least 1
     * @param queueSize entries of each region, 1 to {@link RingConfig#MAX_SIZE}
     * @throws MemoryException if the file does not cover the area
     */
    public static InflightArea map(final int fd, final long offset, final long size, final int queues,
                                   final int queueSize) {
        return new InflightArea(MemoryRegion.map(0, size, 0, offset, fd), queues, queueSize);
    }

    public int queues() {
        return queues;
    }

    public int queueSize() {
        return queueSize;
    }

    /**
     * Returns the region of one queue, or null if the area has none for it.
     *
     * @throws MemoryException if the ring is larger than the region, or the region is not inside the area
     */
    public @Nullable InflightRegion region(final int queue, final int ringSize, final boolean packed) {
        if (queue >= queues) {
            return null;
        }
        final long each = InflightRegion.bytes(queueSize, packed);
        if (ringSize > queueSize || (queue + 1) * each > memory.size()) {
            throw new MemoryException("the in-flight area has " + memory.size() + " bytes and queues of size "
                + queueSize + "; queue " + queue + " of size " + ringSize + " needs " + (queue + 1) * each
                + " bytes and a queue size of at least " + ringSize);
        }
        return new InflightRegion(this, memory.hostAddress() + queue * each);
    }

    /** Returns the size of the area in bytes. */
    public long size() {
        return memory.size();
    }

    /** Returns the start of the area in the file, in bytes. */
    public long offset() {
        return memory.offset();
    }

    /** Returns the file descriptor, to be passed to another process. This object still owns it. */
    public int fd() {
        return memory.fd();
    }

    /** Returns the address of the area in this process. */
    public long address() {
        return memory.hostAddress();
    }

    /**
     * Whether the file still covers the area and has room for it. An access to a page that is not there raises
     * {@code InternalError}.
     */
    public boolean intact() {
        return memory.intact() && memory.isThere();
    }

    @Override
    public void close() {
        memory.close();
    }
}
