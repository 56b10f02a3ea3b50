package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;

/** The driver's side of a split virtqueue (virtio 1.2, section 2.7). {@link SplitDeviceRing} shows the layout. */
final class SplitDriverRing extends DriverRing {
    private static final int IDX = 2;
    private static final int ENTRIES = 4;

    private final int mask;
    private final long descriptors;
    private final long avail;
    private final long used;
    /**
     * The descriptor that follows each one, in the free list or in a chain that the device owns. Returned descriptors
     * are appended to the free list. A device that keeps the order therefore gets descriptors in table order, as
     * IN_ORDER requires (virtio 1.2, section 2.7.5.2).
     */
    private final int[] follower;
    private int firstFree;
    private int lastFree;
    private int free;
    private int availIdx;
    private int publishedIdx;
    private int lastUsed;

    SplitDriverRing(final int size, final long features, final RingAddresses addresses) {
        super(size, features, addresses);
        mask = size - 1;
        descriptors = addresses.descriptors();
        avail = addresses.driver();
        used = addresses.device();
        follower = new int[size];
        for (int i = 0; i < size; i++) {
            follower[i] = i + 1;
        }
        lastFree = size - 1;
        free = size;
        wantNotification(false);
    }

    @Override
    public int free() {
        return free;
    }

    @Override
    public int add(final long guestAddress, final int length, final boolean writable) {
        if (free == 0) {
            return NONE;
        }
        final int head = firstFree;
        firstFree = follower[head];
        follower[head] = NONE;
        free--;
        recordAdded(head, 1, writable ? length : 0);
        write(head, guestAddress, length, writable ? Descriptor.WRITE : 0, 0);
        makeAvailable(head);
        return head;
    }

    @Override
    public int add(final Segments buffers, final boolean writable) {
        final int n = buffers.count();
        if (n == 0 || free < n) {
            return NONE;
        }
        final int head = firstFree;
        int at = head;
        for (int i = 0; i < n; i++) {
            final boolean last = i == n - 1;
            final int next = follower[at];
            write(at, buffers.address(i), buffers.length(i),
                (writable ? Descriptor.WRITE : 0) | (last ? 0 : Descriptor.NEXT), last ? 0 : next);
            if (last) {
                follower[at] = NONE;
                firstFree = next;
            }
            at = next;
        }
        free -= n;
        recordAdded(head, n, writable ? buffers.totalLength() : 0);
        makeAvailable(head);
        return head;
    }

    private void write(final int index, final long guestAddress, final int length, final int flags, final int next) {
        final long descriptor = descriptors + (long) index * Descriptor.SIZE;
        Memory.putLong(descriptor, guestAddress);
        Memory.putLong(descriptor + 8, (length & 0xFFFF_FFFFL) | ((long) flags << 32) | ((long) next << 48));
    }

    private void makeAvailable(final int head) {
        Memory.putShort(avail + ENTRIES + 2L * (availIdx & mask), (short) head);
        availIdx = RingIndex.advance(availIdx, 1);
    }

    @Override
    public boolean publish() {
        final int old = publishedIdx;
        if (availIdx == old) {
            return false;
        }
        // Pairs with the device's acquire of avail idx (section 2.7.13.3).
        Memory.putShortRelease(avail + IDX, (short) availIdx);
        // The device's request must be read only after the index is visible (section 2.7.13.4.1).
        Memory.fullFence();
        publishedIdx = availIdx;
        return eventIdx
            ? RingIndex.passed(Memory.getShort(used + ENTRIES + 8L * size), availIdx, old)
            : (Memory.getShort(used) & 1) == 0;
    }

    @Override
    public int poll() {
        // Pairs with the device's release of used idx (section 2.7.8.2).
        if (lastUsed == (Memory.getShortAcquire(used + IDX) & RingIndex.MASK)) {
            return NONE;
        }
        if (!hasBatch()) {
            final long entry = Memory.getLong(used + ENTRIES + 8L * (lastUsed & mask));
            recordUsed((int) entry, (int) (entry >>> 32));
        }
        lastUsed = RingIndex.advance(lastUsed, 1);
        final int head = takeBack();
        if (free == 0) {
            firstFree = head;
        } else {
            follower[lastFree] = head;
        }
        lastFree = head;
        while (follower[lastFree] != NONE) {
            lastFree = follower[lastFree];
        }
        free += chainLength[head];
        chainLength[head] = 0;
        return head;
    }

    @Override
    public boolean wantNotification(final boolean wanted) {
        if (eventIdx) {
            Memory.putShort(avail + ENTRIES + 2L * size, (short) (wanted ? lastUsed : lastUsed - 1));
        } else {
            Memory.putShort(avail, (short) (wanted ? 0 : 1));
        }
        // The request must be visible before the index is read, or a buffer used in between is not seen and not
        // notified.
        Memory.fullFence();
        return lastUsed != (Memory.getShortAcquire(used + IDX) & RingIndex.MASK);
    }
}
