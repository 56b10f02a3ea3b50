package io.ringbridge.datapath.port;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.TouchedRanges;
import org.jspecify.annotations.Nullable;

import java.util.List;

/**
 * The rings of a guest's port that one worker owns, as the worker's recovery after a fault in guest memory sees them.
 *
 * <p>Created after a fault, and used on that worker's thread.
 */
public final class OwnedRings {
    private final GuestPort port;
    private final List<GuestQueue> queues;

    OwnedRings(final GuestPort port, final List<GuestQueue> queues) {
        this.port = port;
        this.queues = queues;
    }

    /** Whether any of the rings is started. */
    public boolean anyStarted() {
        return queues.stream().anyMatch(GuestQueue::started);
    }

    /**
     * Finds the part of the front-end's memory that was lost. A file may be too short, or its file system may have no
     * room for a ring, a log or a record. Costs system calls.
     *
     * @return a description of the loss, or null if nothing was lost
     */
    public @Nullable String findTruncation() {
        final GuestMemory checked = port.memory();
        if (!checked.isIntact() && checked == port.memory()) { // its files may be closed once it has been replaced
            return "the file behind the guest's memory was truncated while in use";
        }
        if (!queues.stream().allMatch(GuestQueue::logIntact)) {
            return "the file behind the dirty log was truncated while in use, or its file system is full";
        }
        if (!queues.stream().allMatch(GuestQueue::recordIntact)) {
            return "the file that records chains in flight was truncated while in use, or its file system is full";
        }
        return queues.stream().allMatch(GuestQueue::ringIsAccessible) ? null
            : "the memory that a ring is in cannot be accessed";
    }

    /**
     * Finds a touched range that is in the guest's memory and that cannot be accessed. Costs system calls.
     *
     * @return a description of the loss, or null if all ranges can be accessed
     */
    public @Nullable String findLostMemory(final TouchedRanges touched) {
        final long address = touched.firstLost(port.memory());
        return address == TouchedRanges.NONE ? null
            : "the memory at guest address 0x" + Long.toHexString(address)
                + " cannot be accessed: its file system is full, or reading it failed";
    }

    /** Adds the memory of the rings to the touched ranges. */
    public void addTouched(final TouchedRanges ranges) {
        queues.forEach(queue -> queue.addTouched(ranges));
    }

    /** Abandons the rings without touching their memory. */
    public void abandon() {
        queues.forEach(GuestQueue::abandon);
    }

    /**
     * Recovers the rings. Unfinished chains are put back, used ones are published, and the driver is notified. A fault
     * in the port's memory is raised before this method returns.
     */
    public void recover() {
        queues.forEach(GuestQueue::recover);
        Memory.surfaceFault();
    }
}
