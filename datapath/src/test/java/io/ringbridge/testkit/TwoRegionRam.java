package io.ringbridge.testkit;

import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.MemoryRegion;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.ring.RingAddresses;

import java.util.List;

/**
 * A guest's memory as a device sees it in two regions. They are contiguous for the guest and not for this process, so
 * buffers can span them. The second region is first in the file.
 */
public final class TwoRegionRam implements AutoCloseable {
    /** The size of each region. */
    public static final long SIZE = 4 << 20;
    public static final long BASE = GuestRam.GUEST_ADDRESS;

    public final MemoryRegion low;
    public final MemoryRegion high;
    public final GuestMemory memory;
    private final GuestRam ram = GuestRam.create("guest", 2 * SIZE);

    public TwoRegionRam() {
        low = MemoryRegion.map(BASE, SIZE, 0x10_0000_0000L, SIZE, Fd.duplicate(ram.file().fd()));
        high = MemoryRegion.map(BASE + SIZE, SIZE, 0x20_0000_0000L, 0, Fd.duplicate(ram.file().fd()));
        memory = GuestMemory.of(List.of(high, low));
    }

    /** Allocates memory in the first region. Returns its guest address. */
    public long allocate(final long bytes, final int alignment) {
        final long address = ram.guestAddress(ram.allocate(bytes, alignment));
        if (address + bytes > BASE + SIZE) {
            throw new IllegalStateException("the first region is full");
        }
        return address;
    }

    /** Translates a guest address to one of this process. */
    public long host(final long guestAddress) {
        return guestAddress < BASE + SIZE ? low.hostAddress() + guestAddress - BASE
            : high.hostAddress() + guestAddress - BASE - SIZE;
    }

    /** Allocates a ring. */
    public RingAddresses ring(final int size) {
        return new RingAddresses(host(allocate(RingAddresses.descriptorBytes(size), 16)),
            host(allocate(RingAddresses.driverBytes(size, false), 2)),
            host(allocate(RingAddresses.deviceBytes(size, false), 4)));
    }

    @Override
    public void close() {
        low.close();
        high.close();
        ram.close();
    }
}
