package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;

/** The device's side of a packed virtqueue (virtio 1.2, section 2.8); the layout is at {@link Packed}. */
sealed class PackedDeviceRing extends DeviceRing permits TrackedPackedRing {
    /** Descriptors looked at ahead: a burst's worth, so that their cache lines are on the way when they are taken. */
    private static final int LOOK_AHEAD = 64;
    /** The flags by which a descriptor is known as available, and as one buffer. */
    private static final int SHAPE = Packed.AVAIL | Packed.USED | Descriptor.NEXT | Descriptor.INDIRECT | Descriptor.WRITE;

    /** Descriptors of each chain that is out; a ring of its own, as the identifiers. */
    final int[] slots;
    long descriptors;
    int nextAvail;
    int nextUsed;
    boolean usedWrap;
    /** Where in {@link #slots} the chain is that has been out longest, and where the next to be taken goes. */
    int firstOut;
    int nextOut;
    private final int[] ids;
    /** The first chain given back and not shown. */
    private int firstHidden;
    private long driverEvent;
    private long deviceEvent;
    private boolean availWrap;
    /** Descriptors from nextAvail on that are known to be available. */
    private int known;
    private int slotsOut;
    /** The used descriptor that makes all after it visible, and is written last. */
    private long head;
    private long headWord;
    private int askedAt;

    PackedDeviceRing(final RingConfig config, final RingLog log) {
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
        askedAt = nextUsed;
    }

    @Override
    public void move(final RingAddresses addresses) {
        descriptors = addresses.descriptors();
        driverEvent = addresses.driver();
        deviceEvent = addresses.device();
    }

    @Override
    public int available() {
        return known > 0 ? known : look();
    }

    private int look() {
        int at = nextAvail;
        boolean wrap = availWrap;
        final int most = Math.min(LOOK_AHEAD, size - slotsOut);
        int n = 0;
        // Pairs with the driver's release of the flags: what it wrote to the descriptor before is visible after (section 2.8.21.1).
        while (n < most && Packed.isAvailable(Memory.getShortAcquire(descriptors + (long) at * Descriptor.SIZE + Packed.FLAGS), wrap)) {
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
        if (known == 0 && look() == 0) {
            return fault() == null ? EMPTY : BROKEN;
        }
        final long descriptor = descriptors + (long) nextAvail * Descriptor.SIZE;
        final long address = Memory.getLong(descriptor);
        final long rest = Memory.getLong(descriptor + 8);
        final int length = (int) rest;
        final int flags = (int) (rest >>> 48);
        if ((flags & (Descriptor.NEXT | Descriptor.INDIRECT | Descriptor.WRITE)) == (writable ? Descriptor.WRITE : 0) && length > 0) {
            final long host = translate(address, length, writable);
            if (host != GuestMemory.UNMAPPED) {
                chain.set(host, length);
                taken((int) (rest >>> 32) & 0xFFFF, 1);
                return TAKEN;
            }
        }
        return walk(chain, address, rest, writable);
    }

    @Override
    public int nextPlain(final long[] addresses, final int[] lengths, final int from, final int count, final boolean writable) {
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

    /** The same up to where the ring, or what is noted of its chains, begins again. */
    private int takeStraight(final long[] addresses, final int[] lengths, final int from, final int count, final int direction) {
        final int wanted = direction | (availWrap ? Packed.AVAIL : Packed.USED);
        final long first = descriptors + (long) nextAvail * Descriptor.SIZE;
        final int place = nextOut;
        int n = 0;
        while (n < count) {
            // Pairs with the driver's release of the flags: what it wrote to the descriptor before is visible after (section 2.8.21.1).
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
     * Follows a chain of any shape from its first descriptor, which is read already. It is taken even where it is bad, up to its end, but
     * not where it has to wait for a translation.
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
                if (!good && isToWait()) {
                    return EMPTY;
                }
                taken((int) (rest >>> 32) & 0xFFFF, n);
                return good ? TAKEN : BAD;
            }
            if (slotsOut + n == size) {
                return broken("a chain at descriptor " + nextAvail + " does not end within the " + (size - slotsOut)
                    + " descriptors that may be available");
            }
            at = at + 1 == size ? 0 : at + 1;
            address = Memory.getLong(descriptors + (long) at * Descriptor.SIZE);
            rest = Memory.getLong(descriptors + (long) at * Descriptor.SIZE + 8);
        }
    }

    /** Puts both positions at the same descriptor; nothing may be out. */
    final void start(final int at, final boolean wrap) {
        nextAvail = at;
        availWrap = wrap;
        nextUsed = at;
        usedWrap = wrap;
        askedAt = at;
    }

    /** Counts a chain as out. */
    final void taken(final int id, final int count) {
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
        used(1, slots[oldest]);
    }

    @Override
    public void use(final int[] written, final int count) {
        if (count > 1) {
            Memory.surfaceFault(); // not between descriptors: the driver would take as used what is put back here
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

    /** The same up to where what is noted of the chains begins again. */
    private void useStraight(final int[] written, final int from, final int count) {
        final int place = firstOut;
        boolean wrap = usedWrap; // nothing of this object changes before all is written, since a fault may be raised at any time till then
        long round = usedFlags(wrap);
        int at = nextUsed;
        int all = 0;
        for (int n = 0; n < count; n++) {
            final int length = written == null ? 0 : written[from + n];
            final long flags = round | (length > 0 ? Descriptor.WRITE : 0);
            Memory.putLong(descriptors + (long) at * Descriptor.SIZE + 8,
                length & 0xFFFF_FFFFL | (long) ids[place + n] << 32 | flags << 48);
            final int descriptorsOfIt = slots[place + n];
            all += descriptorsOfIt;
            at += descriptorsOfIt;
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
        used(chains, count);
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

    private void used(final int chains, final int count) {
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
        if (head == 0) {
            return;
        }
        if (log != null) {
            publishLogged();
            return;
        }
        // Pairs with the driver's acquire of the flags: all used after this one, and the buffers' contents, are visible with it.
        Memory.putLongRelease(head, headWord);
        head = 0;
        firstHidden = firstOut;
    }

    /** The same with every write logged, that of the head, which shows the others, last. */
    private void publishLogged() {
        DirtyLog.fence();
        int at = (int) ((head - descriptors) / Descriptor.SIZE);
        int chain = firstHidden;
        do {
            final int count = slots[chain];
            if (chain != firstHidden) {
                log.descriptorWritten(descriptors + (long) at * Descriptor.SIZE + 8);
            }
            at = at + count < size ? at + count : at + count - size;
            chain = chain + 1 == size ? 0 : chain + 1;
        } while (chain != firstOut);
        Memory.putLongRelease(head, headWord);
        DirtyLog.fence();
        log.descriptorWritten(head);
        head = 0;
        firstHidden = firstOut;
        log.signal();
    }

    @Override
    public boolean wantsNotification() {
        final int old = askedAt;
        askedAt = nextUsed;
        final int wish = Memory.getInt(driverEvent);
        return switch (wish >>> 16 & 3) {
            case Packed.EVENT_NEVER -> false;
            case Packed.EVENT_AT -> !eventIdx || Packed.passed(wish & 0xFFFF, nextUsed, old, usedWrap, size);
            default -> true;
        };
    }

    @Override
    public void suppressKicks() {
        wish(Packed.EVENT_NEVER, Packed.EVENT_FLAGS);
    }

    @Override
    public boolean armKicks() {
        if (eventIdx) {
            final int at = nextAvail + known;
            final boolean wraps = at >= size;
            Memory.putShort(deviceEvent, (short) (at - (wraps ? size : 0) | (availWrap != wraps ? Packed.WRAP : 0)));
            wish(Packed.EVENT_AT, 0);
        } else {
            wish(Packed.EVENT_ALWAYS, Packed.EVENT_FLAGS);
        }
        // The wish has to be visible before the flags are looked at, or a chain added in between is neither seen nor kicked for.
        Memory.fullFence();
        return available() > 0;
    }

    /** Writes the flags by which the driver is told when to kick; what is written from {@code first} on is logged with them. */
    private void wish(final int flags, final int first) {
        // What the flags speak of is visible before them.
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
