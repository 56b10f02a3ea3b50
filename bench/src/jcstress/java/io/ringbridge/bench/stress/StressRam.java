package io.ringbridge.bench.stress;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.MemoryRegion;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A guest memory that the millions of states of a test share. Each state gets a zeroed slot. A slot is reused only long
 * after its state was last used.
 */
final class StressRam {
    private static final int SLOTS = 1 << 16;
    private static final int SLOT_BYTES = 512;
    private static final long SIZE = (long) SLOTS * SLOT_BYTES;
    private static final long BASE = 0x1_0000_0000L;
    private static final MemFd FILE = MemFd.create("stress", SIZE);
    private static final MemoryRegion REGION = MemoryRegion.map(BASE, SIZE, BASE, 0, Fd.duplicate(FILE.fd()));
    private static final AtomicInteger NEXT = new AtomicInteger();

    static final GuestMemory MEMORY = GuestMemory.of(List.of(REGION));

    private StressRam() {
    }

    /** Returns the address of a zeroed slot in this process. */
    static long slot() {
        final long slot = REGION.hostAddress() + (long) (NEXT.getAndIncrement() & SLOTS - 1) * SLOT_BYTES;
        Memory.zero(slot, SLOT_BYTES);
        return slot;
    }

    /** Returns the guest address of an address within a slot. */
    static long guest(final long address) {
        return address - REGION.hostAddress() + BASE;
    }
}
