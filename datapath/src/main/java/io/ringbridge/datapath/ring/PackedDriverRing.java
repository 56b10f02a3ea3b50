package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;

/** The driver's side of a packed virtqueue (virtio 1.2, section 2.8). {@link Packed} shows the layout. */
final class PackedDriverRing extends DriverRing {
    private final long descriptors;
    private final long driverEvent;
    private final long deviceEvent;
    private final int[] freeIds;
    private int freeIdCount;
    private int free;
    private int nextAvail;
    private boolean availWrap = true;
    private int nextUsed;
    private boolean usedWrap = true;
    /** The flags of the first unpublished descriptor; 0 if none. They are written last and make the others visible. */
    private long head;
    private short headFlags;
    private int publishedAt;

    PackedDriverRing(final int size, final long features, final RingAddresses addresses) {
        super(size, features, addresses);
        descriptors = addresses.descriptors();
        driverEvent = addresses.driver();
        deviceEvent = addresses.device();
        freeIds = new int[size];
        for (int i = 0; i < size; i++) {
            freeIds[i] = size - 1 - i;
        }
        freeIdCount = size;
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
        final int id = freeIds[--freeIdCount];
        write(guestAddress, length, id, writable ? Descriptor.WRITE : 0);
        recordAdded(id, 1, writable ? length : 0);
        return id;
    }

    @Override
    public int add(final Segments buffers, final boolean writable) {
        final int n = buffers.count();
        if (n == 0 || free < n) {
            return NONE;
        }
        final int id = freeIds[--freeIdCount];
        for (int i = 0; i < n; i++) {
            write(buffers.address(i), buffers.length(i), id,
                (writable ? Descriptor.WRITE : 0) | (i < n - 1 ? Descriptor.NEXT : 0));
        }
        recordAdded(id, n, writable ? buffers.totalLength() : 0);
        return id;
    }

    private void write(final long guestAddress, final int length, final int id, final int flags) {
        final long descriptor = descriptors + (long) nextAvail * Descriptor.SIZE;
        final short all = (short) (flags | (availWrap ? Packed.AVAIL : Packed.USED));
        Memory.putLong(descriptor, guestAddress);
        Memory.putInt(descriptor + 8, length);
        Memory.putShort(descriptor + 12, (short) id);
        if (head == 0) {
            head = descriptor + Packed.FLAGS;
            headFlags = all;
        } else {
            Memory.putShortRelease(descriptor + Packed.FLAGS, all);
        }
        free--;
        if (++nextAvail == size) {
            nextAvail = 0;
            availWrap = !availWrap;
        }
    }

    @Override
    public boolean publish() {
        if (head == 0) {
            return false;
        }
        // Pairs with the device's acquire of the flags (section 2.8.21.1).
        Memory.putShortRelease(head, headFlags);
        head = 0;
        // The device's request must be read only after the descriptor is visible (section 2.8.21.3.1).
        Memory.fullFence();
        final int old = publishedAt;
        publishedAt = nextAvail;
        final int request = Memory.getInt(deviceEvent);
        return switch (request >>> 16 & 3) {
            case Packed.EVENT_NEVER -> false;
            case Packed.EVENT_AT -> !eventIdx || Packed.passed(request & 0xFFFF, nextAvail, old, availWrap, size);
            default -> true;
        };
    }

    private boolean used() {
        // Pairs with the device's release of the used descriptor (section 2.8.21.3).
        final long descriptor = descriptors + (long) nextUsed * Descriptor.SIZE;
        return Packed.isUsed(Memory.getShortAcquire(descriptor + Packed.FLAGS), usedWrap);
    }

    @Override
    public int poll() {
        if (!hasBatch()) {
            if (!used()) {
                return NONE;
            }
            final long rest = Memory.getLong(descriptors + (long) nextUsed * Descriptor.SIZE + 8);
            recordUsed((int) (rest >>> 32) & 0xFFFF, (rest >>> 48 & Descriptor.WRITE) != 0 ? (int) rest : 0);
        }
        final int id = takeBack();
        free += chainLength[id];
        nextUsed += chainLength[id];
        if (nextUsed >= size) {
            nextUsed -= size;
            usedWrap = !usedWrap;
        }
        chainLength[id] = 0;
        freeIds[freeIdCount++] = id;
        return id;
    }

    @Override
    public boolean wantNotification(final boolean wanted) {
        if (!wanted) {
            Memory.putShort(driverEvent + Packed.EVENT_FLAGS, (short) Packed.EVENT_NEVER);
        } else if (eventIdx) {
            Memory.putShort(driverEvent, (short) (nextUsed | (usedWrap ? Packed.WRAP : 0)));
            Memory.putShortRelease(driverEvent + Packed.EVENT_FLAGS, (short) Packed.EVENT_AT);
        } else {
            Memory.putShort(driverEvent + Packed.EVENT_FLAGS, (short) Packed.EVENT_ALWAYS);
        }
        // The request must be visible before the flags are read, or a buffer used in between is not seen and not
        // notified.
        Memory.fullFence();
        return hasBatch() || used();
    }
}
