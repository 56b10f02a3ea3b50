package io.ringbridge.datapath.memory;

import io.ringbridge.datapath.os.MemoryProbe;

import java.util.Arrays;

/**
 * Ranges of this process's memory that a worker may have touched when a fault came. They are probed to find the guest whose memory the
 * fault was in. Made after a fault; owned by one worker.
 */
public final class TouchedRanges {
    /** The answer if all ranges of a guest's memory can be touched. */
    public static final long NONE = -1;

    private long[] addresses = new long[256];
    private long[] lengths = new long[256];
    private boolean[] writes = new boolean[256];
    private int count;

    /** Adds a range, which need not be in any guest's memory. */
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
     * Looks for a range in a guest's memory that cannot be touched. Pages of memory that is still on its way are left alone: a probe would
     * make them.
     *
     * @return its guest address, or {@link #NONE}
     */
    public long firstLost(final GuestMemory memory) {
        for (int i = 0; i < count; i++) {
            final int region = memory.findHost(addresses[i]);
            if (region >= 0) {
                final long offset = addresses[i] - memory.hostStart(region);
                final long length = there(memory, addresses[i], Math.min(lengths[i], memory.size(region) - offset));
                if (!MemoryProbe.isThere(addresses[i], length, writes[i])) {
                    return memory.guestStart(region) + offset;
                }
            }
        }
        return NONE;
    }

    /** Whether a range in a guest's memory has left memory since it was touched. To be asked before anything is probed. */
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

    private static long there(final GuestMemory memory, final long address, final long length) {
        return memory.incoming() == null ? length : Math.min(length, memory.incoming().extent(address));
    }
}
