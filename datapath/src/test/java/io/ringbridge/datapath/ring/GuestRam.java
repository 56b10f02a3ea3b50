package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.MemoryRegion;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.MemFd;

import java.util.List;

/**
 * A guest's memory for tests. Its two regions are contiguous for the guest and not for this process, so buffers can
 * span them.
 */
final class GuestRam implements AutoCloseable {
    static final long SIZE = 4 << 20;
    static final long BASE = 0x8000_0000L;

    final MemFd file = MemFd.create("guest", 2 * SIZE);
    final MemoryRegion low = MemoryRegion.map(BASE, SIZE, 0x10_0000_0000L, SIZE, Fd.duplicate(file.fd()));
    final MemoryRegion high = MemoryRegion.map(BASE + SIZE, SIZE, 0x20_0000_0000L, 0, Fd.duplicate(file.fd()));
    final GuestMemory memory = GuestMemory.of(List.of(high, low));
    private long next = BASE;

    /** Allocates memory in the first region. Returns its guest address. */
    long allocate(final long bytes, final int alignment) {
        next = (next + alignment - 1) / alignment * alignment;
        final long address = next;
        next += bytes;
        if (next > BASE + SIZE) {
            throw new IllegalStateException("the guest's memory is full");
        }
        return address;
    }

    /** Translates a guest address to one of this process. */
    long host(final long guestAddress) {
        return guestAddress < BASE + SIZE ? low.hostAddress() + guestAddress - BASE
            : high.hostAddress() + guestAddress - BASE - SIZE;
    }

    RingAddresses ring(final int size) {
        return new RingAddresses(host(allocate(RingAddresses.descriptorBytes(size), 16)),
            host(allocate(RingAddresses.driverBytes(size, false), 2)),
            host(allocate(RingAddresses.deviceBytes(size, false), 4)));
    }

    @Override
    public void close() {
        low.close();
        high.close();
        file.close();
    }
}
