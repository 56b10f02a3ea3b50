package io.ringbridge.bench.stress;

import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * A guest memory that the millions of states of a test share. Each state gets a zeroed slot. A slot is reused only long
 * after its state was last used.
 */
final class StressRam {
    private static final int SLOTS = 1 << 16;
    private static final int SLOT_BYTES = 512;
    private static final GuestRam RAM = GuestRam.create("stress", (long) SLOTS * SLOT_BYTES);
    private static final AtomicInteger NEXT = new AtomicInteger();

    static final GuestMemory MEMORY = RAM.memory();

    private StressRam() {
    }

    /** Returns the address of a zeroed slot in this process. */
    static long slot() {
        final long slot = RAM.address() + (long) (NEXT.getAndIncrement() & SLOTS - 1) * SLOT_BYTES;
        Memory.zero(slot, SLOT_BYTES);
        return slot;
    }

    /** Returns the guest address of an address within a slot. */
    static long guest(final long address) {
        return RAM.guestAddress(address);
    }
}
