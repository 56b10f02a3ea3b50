package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.MemoryException;
import io.ringbridge.datapath.memory.MemoryRegion;

/**
 * A file's part in which it is recorded, for each of some virtqueues, which chains are out; it outlives this process.
 *
 * <p>Whoever else has the file may write to it at any time: all that is read back is checked. Made and closed by the session; closed
 * only after every ring that writes to it was stopped.
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

    /** Bytes for so many queues of this size. */
    public static long bytes(final int queues, final int queueSize, final boolean packed) {
        return queues * InflightRegion.bytes(queueSize, packed);
    }

    /**
     * Maps an area.
     *
     * @param fd the file; taken over, and closed when the area is refused
     * @param offset where it begins in the file, in bytes
     * @param size in bytes
     * @param queues how many queues it has a region for, at least 1
     * @param queueSize entries of each region, 1 to {@link RingConfig#MAX_SIZE}
     * @throws MemoryException when the file does not cover it
     */
    public static InflightArea map(final int fd, final long offset, final long size, final int queues, final int queueSize) {
        return new InflightArea(MemoryRegion.map(0, size, 0, offset, fd), queues, queueSize);
    }

    public int queues() {
        return queues;
    }

    public int queueSize() {
        return queueSize;
    }

    /**
     * The part of one queue, or null where there is none for it.
     *
     * @throws MemoryException when its ring is larger, or the area does not reach that far
     */
    public InflightRegion region(final int queue, final int ringSize, final boolean packed) {
        if (queue >= queues) {
            return null;
        }
        final long each = InflightRegion.bytes(queueSize, packed);
        if (ringSize > queueSize || (queue + 1) * each > memory.size()) {
            throw new MemoryException("the in-flight area has " + memory.size() + " bytes and queues of size " + queueSize
                + "; queue " + queue + " of size " + ringSize + " needs " + (queue + 1) * each + " bytes, and its own size at least");
        }
        return new InflightRegion(this, memory.hostAddress() + queue * each);
    }

    /** Bytes of it. */
    public long size() {
        return memory.size();
    }

    /** Where it begins in the file, in bytes. */
    public long offset() {
        return memory.offset();
    }

    /** The file's descriptor, for handing it on; it remains this object's. */
    public int fd() {
        return memory.fd();
    }

    /** Where it begins in this process. */
    public long address() {
        return memory.hostAddress();
    }

    /** Whether the file still covers it, and there is room for all of it; a touch of what is not there raises {@code InternalError}. */
    public boolean intact() {
        return memory.intact() && memory.isThere();
    }

    /** Unmaps. */
    @Override
    public void close() {
        memory.close();
    }
}
