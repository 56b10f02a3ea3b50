package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import org.jspecify.annotations.Nullable;

/**
 * The device's side of a split virtqueue (virtio 1.2, section 2.7).
 *
 * <pre>
 *  descriptor table          available ring               used ring
 *  16 bytes per entry        u16 flags, u16 idx           u16 flags, u16 idx
 *  u64 address               u16 ring[size]               { u32 id, u32 length } ring[size]
 *  u32 length                u16 used_event               u16 avail_event
 *  u16 flags, u16 next
 * </pre>
 */
sealed class SplitDeviceRing extends DeviceRing permits TrackedSplitRing {
    private static final int IDX = 2;
    private static final int ENTRIES = 4;
    private static final int NO_NOTIFY = 1;
    private static final int NO_INTERRUPT = 1;

    final int mask;
    /** The first descriptor of each chain in flight, by the chain's slot in the available ring. */
    final int[] heads;
    int nextAvail;
    int usedIdx;
    private long descriptors;
    private long avail;
    private long used;
    private int known;
    private int publishedIdx;
    private int checkedIdx;

    SplitDeviceRing(final RingConfig config, final @Nullable RingLog log) {
        super(config, log);
        mask = size - 1;
        heads = new int[size];
        move(config.addresses());
        usedIdx = Memory.getShort(used + IDX) & RingIndex.MASK;
        nextAvail = RingIndex.resume(usedIdx, Memory.getShortAcquire(avail + IDX), size, config.base());
        publishedIdx = usedIdx;
        checkedIdx = usedIdx;
    }

    @Override
    public void move(final RingAddresses addresses) {
        descriptors = addresses.descriptors();
        avail = addresses.driver();
        used = addresses.device();
    }

    @Override
    public int available() {
        return known > 0 ? known : readAvailable();
    }

    private int readAvailable() {
        // Pairs with the driver's release of avail idx: entries and descriptors written before it are visible after it.
        final int ahead = RingIndex.distance(nextAvail, Memory.getShortAcquire(avail + IDX));
        if (ahead > size - out) {
            known = 0;
            markBroken("the available index is " + ahead + " entries ahead; a ring of " + size + " has " + (size - out)
                + " left");
            return 0;
        }
        known = ahead;
        return ahead;
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
        nextAvail = RingIndex.advance(nextAvail, 1);
        known--;
        out++;
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
        nextAvail = RingIndex.advance(nextAvail, -1);
        known++;
        out--;
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
        nextAvail = RingIndex.advance(nextAvail, n);
        known -= n;
        out += n;
        return n;
    }

    /** Takes this chain in place of the available ring's next entry. That entry counts as taken. */
    final int takeInstead(final int head, final Segments chain, final boolean writable) {
        if (known == 0 && readAvailable() == 0) {
            return fault() == null ? EMPTY : BROKEN;
        }
        heads[nextAvail & mask] = head;
        nextAvail = RingIndex.advance(nextAvail, 1);
        known--;
        out++;
        final long descriptor = descriptors + (long) head * Descriptor.SIZE;
        return followChain(chain, Memory.getLong(descriptor), Memory.getLong(descriptor + 8), writable);
    }

    /**
     * Returns how far the available index is ahead of the used index. If the two belong together, this is at most the
     * ring's size.
     */
    final int ahead() {
        return RingIndex.distance(usedIdx, Memory.getShortAcquire(avail + IDX));
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
    public void rewind(final int chains) {
        nextAvail = RingIndex.advance(nextAvail, -chains);
        known += chains;
        out -= chains;
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

    @Override
    public void publish() {
        if (log != null) {
            publishLogged(log);
            return;
        }
        // Pairs with the driver's acquire of used idx: entries and buffers are visible with it (section 2.7.8.2).
        Memory.putShortRelease(used + IDX, (short) usedIdx);
        publishedIdx = usedIdx;
    }

    /** Publishes and logs every write. The writes to the entries are logged before the driver sees the entries. */
    private void publishLogged(final RingLog log) {
        final int count = Math.min(RingIndex.distance(publishedIdx, usedIdx), size);
        if (count == 0) {
            return;
        }
        final int first = publishedIdx & mask;
        final int straight = Math.min(count, size - first);
        DirtyLog.fence();
        log.deviceWritten(ENTRIES + 8L * first, 8 * straight);
        log.deviceWritten(ENTRIES, 8 * (count - straight));
        Memory.putShortRelease(used + IDX, (short) usedIdx);
        DirtyLog.fence();
        log.deviceWritten(IDX, 2);
        publishedIdx = usedIdx;
        log.signal();
    }

    @Override
    public boolean wantsNotification() {
        final int old = checkedIdx;
        checkedIdx = usedIdx;
        if (eventIdx) {
            return RingIndex.passed(Memory.getShort(avail + ENTRIES + 2L * size), usedIdx, old);
        }
        return (Memory.getShort(avail) & NO_INTERRUPT) == 0;
    }

    @Override
    public void suppressKicks() {
        // EVENT_IDX makes the flag void. The index just behind is reached again only after 65535 entries.
        requestKicks(NO_NOTIFY, nextAvail - 1);
    }

    @Override
    public boolean armKicks() {
        requestKicks(0, RingIndex.advance(nextAvail, known));
        // The request must be visible before the index is read, or a chain added in between is not seen and not kicked
        // for.
        Memory.fullFence();
        return available() > 0;
    }

    /** Asks the driver when to kick: writes avail_event with EVENT_IDX, and the flags without it. */
    private void requestKicks(final int flags, final int event) {
        final long offset = eventIdx ? ENTRIES + 8L * size : 0;
        Memory.putShort(used + offset, (short) (eventIdx ? event : flags));
        if (log != null) {
            log.eventWritten(offset, 2);
        }
    }

    @Override
    public int base() {
        return nextAvail;
    }

    @Override
    public String layout() {
        return "split";
    }
}
