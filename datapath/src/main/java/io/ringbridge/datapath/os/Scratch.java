package io.ringbridge.datapath.os;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory of this process that is freed when this object becomes unreachable. A user of the address must keep the object
 * reachable.
 */
public final class Scratch {
    private static final long ALIGNMENT = 16;

    private final MemorySegment memory;

    private Scratch(final MemorySegment memory) {
        this.memory = memory;
    }

    /** Allocates zeroed memory. */
    public static Scratch of(final long bytes) {
        return new Scratch(Arena.ofAuto().allocate(bytes, ALIGNMENT));
    }

    public long address() {
        return memory.address();
    }
}
