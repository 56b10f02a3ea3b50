package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import org.jspecify.annotations.Nullable;

/** The device's side of a split virtqueue whose fields are little-endian, as those of all current drivers are. */
sealed class SplitDeviceRing extends SplitRing permits TrackedSplitRing {
    SplitDeviceRing(final RingConfig config, final @Nullable RingLog log) {
        super(config, log);
    }

    @Override
    int read(final long address) {
        return Memory.getShort(address) & RingIndex.MASK;
    }

    @Override
    int readAcquire(final long address) {
        return Memory.getShortAcquire(address) & RingIndex.MASK;
    }

    @Override
    void write(final long address, final int value) {
        Memory.putShort(address, (short) value);
    }

    @Override
    void writeRelease(final long address, final int value) {
        Memory.putShortRelease(address, (short) value);
    }

    @Override
    public int next(final Segments chain, final boolean writable) {
        if (known == 0 && readAvailable() == 0) {
            return fault() == null ? EMPTY : BROKEN;
        }
        final int slot = nextAvail & mask;
        final int head = Memory.getShort(avail + ENTRIES + 2L * slot) & 0xFFFF;
        if (head >= size) {
            return markBroken("an available entry names descriptor " + head + " of " + size);
        }
        heads[slot] = head;
        take(1);
        final long descriptor = descriptors + (long) head * Descriptor.SIZE;
        final long address = Memory.getLong(descriptor);
        final long rest = Memory.getLong(descriptor + 8);
        final int length = (int) rest;
        if ((int) (rest >>> 32 & 0xFFFF) == (writable ? Descriptor.WRITE : 0) && length > 0) {
            final long host = translate(address, length, writable);
            if (host != GuestMemory.UNMAPPED) {
                chain.set(host, length);
                return TAKEN;
            }
        }
        return followChain(chain, address, rest, writable);
    }

    /** Follows the chain that was just taken. A chain that must wait for a translation or a page is put back. */
    private int followChain(final Segments chain, final long address, final long rest, final boolean writable) {
        chain.clear();
        beginChain();
        if (walk(chain, address, rest, writable)) {
            return TAKEN;
        }
        if (!shouldWait()) {
            return BAD;
        }
        take(-1);
        return EMPTY;
    }

    @Override
    public int nextPlain(final long[] addresses, final int[] lengths, final int from, final int count,
                         final boolean writable) {
        if (known < count && readAvailable() == 0) {
            return 0;
        }
        final int most = Math.min(known, count);
        final int direction = writable ? Descriptor.WRITE : 0;
        int n = 0;
        while (n < most) {
            final int slot = nextAvail + n & mask;
            final int head = Memory.getShort(avail + ENTRIES + 2L * slot) & 0xFFFF;
            if (head >= size) {
                break;
            }
            final long descriptor = descriptors + (long) head * Descriptor.SIZE;
            final long rest = Memory.getLong(descriptor + 8);
            final int length = (int) rest;
            final long host = translate(Memory.getLong(descriptor), length, writable);
            if ((int) (rest >>> 32 & 0xFFFF) != direction || length <= 0 || host == GuestMemory.UNMAPPED) {
                break;
            }
            heads[slot] = head;
            addresses[from + n] = host;
            lengths[from + n] = length;
            n++;
        }
        take(n);
        return n;
    }

    /** Takes this chain in place of the available ring's next entry. That entry counts as taken. */
    final int takeInstead(final int head, final Segments chain, final boolean writable) {
        if (known == 0 && readAvailable() == 0) {
            return fault() == null ? EMPTY : BROKEN;
        }
        heads[nextAvail & mask] = head;
        take(1);
        final long descriptor = descriptors + (long) head * Descriptor.SIZE;
        return followChain(chain, Memory.getLong(descriptor), Memory.getLong(descriptor + 8), writable);
    }

    /** Follows a chain of any shape from its first descriptor, which was read already. */
    private boolean walk(final Segments chain, final long firstAddress, final long firstRest, final boolean writable) {
        long address = firstAddress;
        long rest = firstRest;
        for (int n = 1; ; n++) {
            final int flags = (int) (rest >>> 32) & 0xFFFF;
            countDescriptor();
            if ((flags & Descriptor.INDIRECT) != 0) {
                return (flags & Descriptor.NEXT) == 0 && appendTable(chain, address, (int) rest, writable, true);
            }
            if (!append(chain, address, (int) rest, flags, writable)) {
                return false;
            }
            if ((flags & Descriptor.NEXT) == 0) {
                return true;
            }
            final int next = (int) (rest >>> 48);
            if (n == size || next >= size) {
                return false;
            }
            address = Memory.getLong(descriptors + (long) next * Descriptor.SIZE);
            rest = Memory.getLong(descriptors + (long) next * Descriptor.SIZE + 8);
        }
    }

    @Override
    public void use(final int written) {
        final int head = heads[nextAvail - out & mask];
        Memory.putLong(used + ENTRIES + 8L * (usedIdx & mask), (long) written << 32 | head);
        usedIdx = RingIndex.advance(usedIdx, 1);
        out--;
    }

    @Override
    public void use(final int @Nullable [] written, final int count) {
        final int first = nextAvail - out;
        for (int i = 0; i < count; i++) {
            final long length = written == null ? 0 : written[i];
            Memory.putLong(used + ENTRIES + 8L * (usedIdx + i & mask), length << 32 | heads[first + i & mask]);
        }
        usedIdx = RingIndex.advance(usedIdx, count);
        out -= count;
    }

    @Override
    void useBatch(final int chains) {
        final int head = heads[nextAvail - out + chains - 1 & mask];
        Memory.putLong(used + ENTRIES + 8L * (usedIdx & mask), head);
        usedIdx = RingIndex.advance(usedIdx, chains);
        out -= chains;
    }
}
