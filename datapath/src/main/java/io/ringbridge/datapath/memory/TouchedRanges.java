package io.ringbridge.datapath.memory;

import io.ringbridge.datapath.os.MemoryProbe;

import java.util.Arrays;

/**
 * Ranges of this process's memory that a worker may have touched when a fault occurred. They are probed to find the
 * guest whose memory caused the fault. Created after a fault; owned by one worker.
 */
public final class TouchedRanges {
    /** The result if all ranges in a guest's memory can be accessed. */
    public static final long NONE = -1;

    private long[] addresses = new long[256];
    private long[] lengths = new long[256];
    private boolean[] writes = new boolean[256];
    private int count;

    /** Adds a range, which may be outside every guest's memory. */
    public void add(final long address, final long length, final boolean written) {
        if (length <= 0) {
            return;
        }
        if (count == addresses.length) {
            addresses = Arrays.copyOf(addresses, 2 * count);
            lengths = Arrays.copyOf(lengths, 2 * count);
            writes = Arrays.copyOf(writes, 2 * count);
        }
        addresses[count] = address;
        lengths[count] = length;
        writes[count++] = written;
    }

    /** Adds the pieces of a chain or frame. */
    public void add(final Segments pieces, final boolean written) {
        for (int i = 0; i < pieces.count(); i++) {
            add(pieces.address(i), pieces.length(i), written);
        }
    }

    /**
     * Finds a range in a guest's memory that cannot be accessed. Pages that have not arrived yet are skipped, because a
     * probe would create them.
     *
     * @return the range's guest address, or {@link #NONE}
     */
    public long firstLost(final GuestMemory memory) {
        for (int i = 0; i < count; i++) {
            final int region = memory.findHost(addresses[i]);
            if (region >= 0) {
                final long offset = addresses[i] - memory.hostStart(region);
                final long inRegion = Math.min(lengths[i], memory.size(region) - offset);
                final long length = lengthPresent(memory, addresses[i], inRegion);
                if (!MemoryProbe.isThere(addresses[i], length, writes[i])) {
                    return memory.guestStart(region) + offset;
                }
            }
        }
        return NONE;
    }

    /** Whether a touched page in a guest's memory has ceased to be resident. Must be called before any probe. */
    public boolean anyGone(final GuestMemory memory) {
        for (int i = 0; i < count; i++) {
            final int region = memory.findHost(addresses[i]);
            if (region >= 0) {
                final long offset = addresses[i] - memory.hostStart(region);
                if (!MemoryProbe.isResident(addresses[i], Math.min(lengths[i], memory.size(region) - offset))) {
                    return true;
                }
            }
        }
        return false;
    }

    private static long lengthPresent(final GuestMemory memory, final long address, final long length) {
        return memory.incoming() == null ? length : Math.min(length, memory.incoming().extent(address));
    }
}
