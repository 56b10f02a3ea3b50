package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import org.jspecify.annotations.Nullable;

/** The device's side of a packed virtqueue (virtio 1.2, section 2.8). {@link Packed} shows the layout. */
sealed class PackedDeviceRing extends DeviceRing permits TrackedPackedRing {
    /** Descriptors read ahead, one burst: their cache lines are being fetched when the chains are taken. */
    private static final int READ_AHEAD = 64;
    /** The flags that show whether a descriptor is available and is a single buffer. */
    private static final int SHAPE =
        Packed.AVAIL | Packed.USED | Descriptor.NEXT | Descriptor.INDIRECT | Descriptor.WRITE;

    /** The number of descriptors of each chain in flight. A circular array, as is {@link #ids}. */
    final int[] slots;
    long descriptors;
    int nextAvail;
    int nextUsed;
    boolean usedWrap;
    /** The place in {@link #slots} of the oldest chain in flight. */
    int firstOut;
    /** The place in {@link #slots} of the next chain to be taken. */
    int nextOut;
    private final int[] ids;
    /** The place in {@link #slots} of the oldest returned chain that is not published. */
    private int firstUnpublished;
    private long driverEvent;
    private long deviceEvent;
    private boolean availWrap;
    /** Descriptors from {@link #nextAvail} on that are known to be available. */
    private int known;
    private int slotsOut;
    /** The first unpublished used descriptor; 0 if none. It is written last and makes the others visible. */
    private long head;
    private long headWord;
    private int checkedAt;

    PackedDeviceRing(final RingConfig config, final @Nullable RingLog log) {
        super(config, log);
        ids = new int[size];
        slots = new int[size];
        move(config.addresses());
        final int avail = config.base() & 0xFFFF;
        final int used = Packed.usedBase(config.base());
        nextAvail = (avail & Packed.WRAP - 1) % size;
        availWrap = (avail & Packed.WRAP) != 0;
        nextUsed = (used & Packed.WRAP - 1) % size;
        usedWrap = (used & Packed.WRAP) != 0;
        checkedAt = nextUsed;
    }

    @Override
    public void move(final RingAddresses addresses) {
        descriptors = addresses.descriptors();
        driverEvent = addresses.driver();
        deviceEvent = addresses.device();
    }

    @Override
    public int available() {
        return known > 0 ? known : readAvailable();
    }

    @Override
    public final int known() {
        return known;
    }

    private int readAvailable() {
        assert isOwned() : "another thread owns this ring";
        int at = nextAvail;
        boolean wrap = availWrap;
        final int most = Math.min(READ_AHEAD, size - slotsOut);
        int n = 0;
        // Pairs with the driver's release of the flags: the rest of the descriptor is visible after it (section
        // 2.8.21.1).
        while (n < most && Packed.isAvailable(
            Memory.getShortAcquire(descriptors + (long) at * Descriptor.SIZE + Packed.FLAGS), wrap)) {
            n++;
            if (++at == size) {
                at = 0;
                wrap = !wrap;
            }
        }
        known = n;
        return n;
    }

    @Override
    public int next(final Segments chain, final boolean writable) {
        if (known == 0 && readAvailable() == 0) {
            return fault() == null ? EMPTY : BROKEN;
        }
        final long descriptor = descriptors + (long) nextAvail * Descriptor.SIZE;
        final long address = Memory.getLong(descriptor);
        final long rest = Memory.getLong(descriptor + 8);
        final int length = (int) rest;
        final int flags = (int) (rest >>> 48) & (Descriptor.NEXT | Descriptor.INDIRECT | Descriptor.WRITE);
        if (flags == (writable ? Descriptor.WRITE : 0) && length > 0) {
            final long host = translate(address, length, writable);
            if (host != GuestMemory.UNMAPPED) {
                chain.set(host, length);
                recordTaken((int) (rest >>> 32) & 0xFFFF, 1);
                return TAKEN;
            }
        }
        return walk(chain, address, rest, writable);
    }

    @Override
    public int nextPlain(final long[] addresses, final int[] lengths, final int from, final int count,
                         final boolean writable) {
        final int direction = writable ? Descriptor.WRITE : 0;
        final int most = Math.min(count, size - slotsOut);
        int n = 0;
        while (n < most) {
            final int straight = Math.min(most - n, size - Math.max(nextAvail, nextOut));
            final int run = takeStraight(addresses, lengths, from + n, straight, direction);
            n += run;
            if (run < straight) {
                break;
            }
        }
        return n;
    }

    /** Takes plain chains as {@link #nextPlain} does, without passing the end of the ring or of {@link #slots}. */
    private int takeStraight(final long[] addresses, final int[] lengths, final int from, final int count,
                             final int direction) {
        final int wanted = direction | (availWrap ? Packed.AVAIL : Packed.USED);
        final long first = descriptors + (long) nextAvail * Descriptor.SIZE;
        final int place = nextOut;
        int n = 0;
        while (n < count) {
            // Pairs with the driver's release of the flags: all earlier writes are visible after it (section 2.8.21.1).
            final long rest = Memory.getLongAcquire(first + (long) n * Descriptor.SIZE + 8);
            final int length = (int) rest;
            if (((int) (rest >>> 48) & SHAPE) != wanted || length <= 0) {
                break;
            }
            final long host = translate(Memory.getLong(first + (long) n * Descriptor.SIZE), length, direction != 0);
            if (host == GuestMemory.UNMAPPED) {
                break;
            }
            addresses[from + n] = host;
            lengths[from + n] = length;
            ids[place + n] = (int) (rest >>> 32) & 0xFFFF;
            slots[place + n] = 1;
            n++;
        }
        nextOut = place + n == size ? 0 : place + n;
        out += n;
        slotsOut += n;
        known = Math.max(0, known - n);
        nextAvail += n;
        if (nextAvail == size) {
            nextAvail = 0;
            availWrap = !availWrap;
        }
        return n;
    }

    /**
     * Follows a chain of any shape from its first descriptor, which was read already. A bad chain is taken up to its
     * end. A chain that must wait for a translation or a page is not taken.
     */
    private int walk(final Segments chain, final long firstAddress, final long firstRest, final boolean writable) {
        long address = firstAddress;
        long rest = firstRest;
        int at = nextAvail;
        boolean good = true;
        chain.clear();
        beginChain();
        for (int n = 1; ; n++) {
            final int flags = (int) (rest >>> 48);
            final boolean last = (flags & Descriptor.NEXT) == 0;
            countDescriptor();
            if ((flags & Descriptor.INDIRECT) != 0) {
                good &= last && n == 1 && appendTable(chain, address, (int) rest, writable, false);
            } else {
                good &= append(chain, address, (int) rest, flags, writable);
            }
            if (last) {
                if (!good && shouldWait()) {
                    return EMPTY;
                }
                recordTaken((int) (rest >>> 32) & 0xFFFF, n);
                return good ? TAKEN : BAD;
            }
            if (slotsOut + n == size) {
                return markBroken("a chain at descriptor " + nextAvail + " does not end within the " + (size - slotsOut)
                    + " descriptors that may be available");
            }
            at = at + 1 == size ? 0 : at + 1;
            address = Memory.getLong(descriptors + (long) at * Descriptor.SIZE);
            rest = Memory.getLong(descriptors + (long) at * Descriptor.SIZE + 8);
        }
    }

    /** Sets both positions to the same descriptor. No chain may be in flight. */
    final void setPositions(final int at, final boolean wrap) {
        nextAvail = at;
        availWrap = wrap;
        nextUsed = at;
        usedWrap = wrap;
        checkedAt = at;
    }

    /** Records that the next chain is in flight. */
    final void recordTaken(final int id, final int count) {
        ids[nextOut] = id;
        slots[nextOut] = count;
        nextOut = nextOut + 1 == size ? 0 : nextOut + 1;
        out++;
        slotsOut += count;
        known = Math.max(0, known - count);
        nextAvail += count;
        if (nextAvail >= size) {
            nextAvail -= size;
            availWrap = !availWrap;
        }
    }

    @Override
    public void rewind(final int chains) {
        for (int i = 0; i < chains; i++) {
            nextOut = nextOut == 0 ? size - 1 : nextOut - 1;
            final int count = slots[nextOut];
            out--;
            slotsOut -= count;
            known += count;
            nextAvail -= count;
            if (nextAvail < 0) {
                nextAvail += size;
                availWrap = !availWrap;
            }
        }
    }

    @Override
    public void use(final int written) {
        final int oldest = firstOut;
        writeUsed(ids[oldest], written);
        firstOut = oldest + 1 == size ? 0 : oldest + 1;
        advanceUsed(1, slots[oldest]);
    }

    @Override
    public void use(final int @Nullable [] written, final int count) {
        if (count > 1) {
            Memory.surfaceFault(); // not between descriptors: chains that are put back would look used to the driver
        }
        int done = 0;
        if (head == 0 && count > 0) {
            use(written == null ? 0 : written[0]);
            done = 1;
        }
        while (done < count) {
            final int straight = Math.min(count - done, size - firstOut);
            useStraight(written, done, straight);
            done += straight;
        }
    }

    /** Returns chains to the driver without passing the end of {@link #slots}. */
    private void useStraight(final int @Nullable [] written, final int from, final int count) {
        final int place = firstOut;
        boolean wrap = usedWrap; // the fields change only after the last write, since any write may raise a fault
        long round = usedFlags(wrap);
        int at = nextUsed;
        int all = 0;
        for (int n = 0; n < count; n++) {
            final int length = written == null ? 0 : written[from + n];
            final long flags = round | (length > 0 ? Descriptor.WRITE : 0);
            Memory.putLong(descriptors + (long) at * Descriptor.SIZE + 8,
                length & 0xFFFF_FFFFL | (long) ids[place + n] << 32 | flags << 48);
            final int descriptorCount = slots[place + n];
            all += descriptorCount;
            at += descriptorCount;
            if (at >= size) {
                at -= size;
                wrap = !wrap;
                round = usedFlags(wrap);
            }
        }
        nextUsed = at;
        usedWrap = wrap;
        firstOut = place + count == size ? 0 : place + count;
        out -= count;
        slotsOut -= all;
    }

    private static long usedFlags(final boolean wrap) {
        return wrap ? Packed.AVAIL | Packed.USED : 0;
    }

    @Override
    void useBatch(final int chains) {
        int last = firstOut;
        int next = last;
        int count = 0;
        for (int i = 0; i < chains; i++) {
            last = next;
            count += slots[last];
            next = last + 1 == size ? 0 : last + 1;
        }
        writeUsed(ids[last], 0);
        firstOut = next;
        advanceUsed(chains, count);
    }

    private void writeUsed(final int id, final int written) {
        final long flags = usedFlags(usedWrap) | (written > 0 ? Descriptor.WRITE : 0);
        final long word = written & 0xFFFF_FFFFL | (long) id << 32 | flags << 48;
        final long at = descriptors + (long) nextUsed * Descriptor.SIZE + 8;
        if (head == 0) {
            head = at;
            headWord = word;
        } else {
            Memory.putLong(at, word);
        }
    }

    private void advanceUsed(final int chains, final int count) {
        out -= chains;
        slotsOut -= count;
        nextUsed += count;
        if (nextUsed >= size) {
            nextUsed -= size;
            usedWrap = !usedWrap;
        }
    }

    @Override
    public void publish() {
        assert isOwned() : "another thread owns this ring";
        if (head == 0) {
            return;
        }
        if (log != null) {
            publishLogged(log);
            return;
        }
        // Pairs with the driver's acquire of the flags: the other used descriptors and the buffers are visible with it.
        Memory.putLongRelease(head, headWord);
        head = 0;
        firstUnpublished = firstOut;
    }

    /** Publishes and logs every write. The head, which makes the others visible, is written and logged last. */
    private void publishLogged(final RingLog log) {
        DirtyLog.fence();
        int at = (int) ((head - descriptors) / Descriptor.SIZE);
        int chain = firstUnpublished;
        do {
            final int count = slots[chain];
            if (chain != firstUnpublished) {
                log.descriptorWritten(descriptors + (long) at * Descriptor.SIZE + 8);
            }
            at = at + count < size ? at + count : at + count - size;
            chain = chain + 1 == size ? 0 : chain + 1;
        } while (chain != firstOut);
        Memory.putLongRelease(head, headWord);
        DirtyLog.fence();
        log.descriptorWritten(head);
        head = 0;
        firstUnpublished = firstOut;
        log.signal();
    }

    @Override
    public boolean wantsNotification() {
        final int old = checkedAt;
        checkedAt = nextUsed;
        final int request = Memory.getInt(driverEvent);
        return switch (request >>> 16 & 3) {
            case Packed.EVENT_NEVER -> false;
            case Packed.EVENT_AT -> !eventIdx || Packed.passed(request & 0xFFFF, nextUsed, old, usedWrap, size);
            default -> true;
        };
    }

    @Override
    public void suppressKicks() {
        writeDeviceEvent(Packed.EVENT_NEVER, Packed.EVENT_FLAGS);
    }

    @Override
    public boolean armKicks() {
        if (eventIdx) {
            final int at = nextAvail + known;
            final boolean wraps = at >= size;
            Memory.putShort(deviceEvent, (short) (at - (wraps ? size : 0) | (availWrap != wraps ? Packed.WRAP : 0)));
            writeDeviceEvent(Packed.EVENT_AT, 0);
        } else {
            writeDeviceEvent(Packed.EVENT_ALWAYS, Packed.EVENT_FLAGS);
        }
        // The request must be visible before the flags are read, or a chain added in between is not seen and not kicked
        // for.
        Memory.fullFence();
        return available() > 0;
    }

    /**
     * Writes the flags of the device event suppression structure, and logs the write.
     *
     * @param first the offset of the first byte to log
     */
    private void writeDeviceEvent(final int flags, final int first) {
        // A release: the descriptor position that the flags refer to is visible before them.
        Memory.putShortRelease(deviceEvent + Packed.EVENT_FLAGS, (short) flags);
        if (log != null) {
            log.eventWritten(first, 4 - first);
        }
    }

    @Override
    public int base() {
        return nextAvail | (availWrap ? Packed.WRAP : 0) | (nextUsed | (usedWrap ? Packed.WRAP : 0)) << 16;
    }

    @Override
    public String layout() {
        return "packed";
    }
}
