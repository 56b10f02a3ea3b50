package io.ringbridge.datapath.os;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory of this process that goes when nobody refers to this object any more. Whoever uses the address keeps the object.
 */
public final class Scratch {
    private static final long ALIGNMENT = 16;

    private final MemorySegment memory;

    private Scratch(final MemorySegment memory) {
        this.memory = memory;
    }

    /** Zeroed memory. */
    public static Scratch of(final long bytes) {
        return new Scratch(Arena.ofAuto().allocate(bytes, ALIGNMENT));
    }

    public long address() {
        return memory.address();
    }
}
