package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Iotlb;
import io.ringbridge.datapath.memory.Memory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.os.EventFd;

/**
 * The device's side of a virtqueue, whatever its layout.
 *
 * <p>Chains are taken with {@link #next}, in the order the driver made them available, and given back with {@link #use}, in the order
 * they were taken; {@link #publish} shows the driver all that was given back. Several may be out at a time. What is the same for
 * split and packed rings is here: translation through the region last hit, the rules for a descriptor, and the count of chains out.
 *
 * <p>Behind an IOMMU the driver's addresses are found in the front-end's translations. A chain for which one is not there stays in the
 * ring, as if it were not available yet, and {@link #lacksTranslation} says so; nothing of it was taken. The entry hit last serves as the
 * queue's cache, so that a ring is to be taken from in one direction only.
 *
 * <p>Owned by one worker. Nothing is allocated after construction. Whatever the driver wrote is read once and checked as a local copy;
 * what breaks the rules is {@link #BAD} where the chain can still be given back, and {@link #BROKEN} where the ring itself makes no
 * sense any more: it then stays broken, and {@link #fault} says why.
 */
public abstract sealed class DeviceRing permits SplitDeviceRing, PackedDeviceRing, BigEndianSplitRing {
    /** A chain was taken. */
    public static final int TAKEN = 0;
    /** No chain is available. */
    public static final int EMPTY = 1;
    /** A chain was taken that breaks the rules; its pieces are not to be used, and it has to be given back. */
    public static final int BAD = 2;
    /** The ring cannot go on. */
    public static final int BROKEN = 3;

    final int size;
    final boolean indirect;
    final boolean eventIdx;
    /** Chains taken and not given back. */
    int out;
    /** Where the device's writes are told; null while nobody wants to know. */
    RingLog log;

    private final boolean inOrder;
    private final long features;
    private final int headerLength;
    private final boolean mergeable;
    private GuestMemory memory;
    /** How addresses are found behind an IOMMU; null where they are guest addresses. */
    private Translation translation;
    private RingAddresses addresses;
    private long regionStart;
    private long regionSize;
    private long regionHost;
    private String fault;

    DeviceRing(final RingConfig config, final RingLog log) {
        size = config.size();
        features = config.features();
        indirect = Features.has(features, Features.INDIRECT_DESC);
        eventIdx = Features.has(features, Features.EVENT_IDX);
        inOrder = Features.has(features, Features.IN_ORDER);
        headerLength = Features.headerLength(features);
        mergeable = Features.has(features, Features.MRG_RXBUF);
        memory = config.memory();
        translation = memory.iotlb() == null ? null : new Translation(memory.iotlb());
        addresses = config.addresses();
        this.log = log;
    }

    /** Makes the ring that the negotiated features ask for, with nothing logged. */
    public static DeviceRing create(final RingConfig config) {
        return create(config, null, null);
    }

    /**
     * Makes the ring that the negotiated features ask for. One of which chains in flight are recorded reads the record, and may write to
     * it and to the ring to make the two agree.
     *
     * @param dirty where all writes are logged, the first included; null for nowhere
     * @param changed signalled when the log was written; may be null
     */
    public static DeviceRing create(final RingConfig config, final DirtyLog dirty, final EventFd changed) {
        final RingLog log = dirty == null ? null : new RingLog(dirty, changed, config.memory(), config.addresses());
        if (config.bigEndian()) {
            return new BigEndianSplitRing(config, log);
        }
        final boolean packed = Features.has(config.features(), Features.RING_PACKED);
        if (config.inflight() != null) {
            return packed ? new TrackedPackedRing(config, log) : new TrackedSplitRing(config, log);
        }
        return packed ? new PackedDeviceRing(config, log) : new SplitDeviceRing(config, log);
    }

    /**
     * Takes the next available chain.
     *
     * @param chain receives its pieces, in order
     * @param writable whether the device is to write (a receive queue) or to read (a transmit queue); a chain that mixes is bad
     * @return {@link #TAKEN}, {@link #EMPTY}, {@link #BAD} or {@link #BROKEN}
     */
    public abstract int next(Segments chain, boolean writable);

    /**
     * Takes the chains in front that are one buffer in one piece, what nearly all are, in one go.
     *
     * @param addresses receives where their buffers are, the first one's at {@code from}
     * @param lengths receives the buffers' lengths in bytes, above 0
     * @param count how many to take at the most
     * @param writable as for {@link #next}
     * @return how many were taken; with fewer than {@code count} the one after is for {@link #next}, if there is one
     */
    public abstract int nextPlain(long[] addresses, int[] lengths, int from, int count, boolean writable);

    /**
     * How many chains, at the most, the driver is known to have made available: one at least, if not 0. Looks again only when none is
     * known.
     *
     * <p>An acquire load: what the driver wrote before is visible after (virtio 1.2, section 2.7.13.3).
     */
    public abstract int available();

    /** Puts back the last {@code chains} taken, as if they had not been. */
    public abstract void rewind(int chains);

    /**
     * Gives back the chain that has been out longest; the driver sees it after {@link #publish}.
     *
     * @param written bytes the device wrote to it
     */
    public abstract void use(int written);

    /**
     * Gives back the chains that have been out longest, as many as {@code count}.
     *
     * @param written bytes written to each; null where nothing was written to any
     */
    public abstract void use(int[] written, int count);

    /**
     * Gives back the chains that have been out longest, with nothing written to any; the driver sees them after {@link #publish}.
     *
     * <p>Where IN_ORDER was negotiated, one used entry tells of all of them. The driver then takes all but the last for used completely,
     * so this is for chains that the device reads (virtio 1.2, sections 2.7.9 and 2.8.8).
     *
     * @param chains one at least
     */
    public final void giveBack(final int chains) {
        if (inOrder) {
            useBatch(chains);
        } else {
            use(null, chains);
        }
    }

    /** Gives back chains with one used entry, which is at the first one's place and names the last. */
    abstract void useBatch(int chains);

    /** Shows the driver what was given back. A release store: entries and buffers are visible before it. */
    public abstract void publish();

    /**
     * Whether the driver wants a notification for what was shown since this was last asked. Only after a full fence that follows
     * {@link #publish}, or the two sides could wait for each other (virtio 1.2, sections 2.7.10 and 2.8.21.3.1).
     */
    public abstract boolean wantsNotification();

    /** Asks the driver not to kick: its worker polls. */
    public abstract void suppressKicks();

    /**
     * Asks the driver to kick when it makes a chain available.
     *
     * @return whether one is available already, so that no kick will come for it
     */
    public abstract boolean armKicks();

    /** Where to go on from, as in GET_VRING_BASE; only meaningful when no chain is out. */
    public abstract int base();

    /** Takes over other places for the ring's parts; positions are kept. No chain may be out. */
    public abstract void move(RingAddresses newAddresses);

    /** {@code split} or {@code packed}. */
    public abstract String layout();

    /** Whether the file still covers the record of chains in flight, where there is one. Costs a system call. */
    public boolean intact() {
        return true;
    }

    public final int size() {
        return size;
    }

    public final long features() {
        return features;
    }

    /** Bytes of the virtio-net header before each frame. */
    public final int headerLength() {
        return headerLength;
    }

    /** Whether a frame may lie over several receive buffers. */
    public final boolean mergeable() {
        return mergeable;
    }

    /** Chains taken and not given back. */
    public final int out() {
        return out;
    }

    /** Why the ring is broken, or null. */
    public final String fault() {
        return fault;
    }

    /** Takes over another memory table and the ring's places in it; positions are kept. No chain may be out. */
    public final void remap(final GuestMemory newMemory, final RingAddresses newAddresses) {
        memory = newMemory;
        addresses = newAddresses;
        regionSize = 0;
        if (translation != null) {
            translation.take(newMemory.iotlb());
        }
        move(newAddresses);
        if (log != null) {
            log = log.moved(newMemory, newAddresses);
        }
    }

    /**
     * Takes over translations that tell of a range what was not told before; what they told already is as it was. Chains may be out.
     *
     * @param last the range's last address
     */
    public final void translations(final GuestMemory newMemory, final long first, final long last) {
        memory = newMemory;
        if (translation != null) {
            translation.take(newMemory.iotlb(), first, last);
        }
    }

    /** Whether it has taken over this memory. */
    public final boolean sees(final GuestMemory other) {
        return memory == other;
    }

    /** How it finds what its driver names behind an IOMMU; null where it is behind none. */
    public final Translation translation() {
        return translation;
    }

    /** Whether the next chain stays where it is for want of a translation. */
    public final boolean lacksTranslation() {
        return translation != null && translation.isLacking();
    }

    /**
     * Looks at the next chains without taking them, so that what their translation lacks can be asked for before they are needed. No chain
     * may be out.
     */
    public final void lookAhead(final Segments chain, final int chains, final boolean writable) {
        look(true);
        int result = TAKEN;
        while (out < chains && (result == TAKEN || result == BAD)) {
            result = next(chain, writable);
        }
        rewind(out);
        look(false);
    }

    /** Begins or ends taking chains which may be put back, so that a refused translation is not used up. */
    final void look(final boolean begins) {
        if (translation != null) {
            translation.looking(begins);
        }
    }

    /**
     * Logs all writes from now on, in place of where they were logged before. All that was used has to be shown.
     *
     * @param dirty null for not at all
     * @param changed signalled when the log was written, once a burst; may be null
     */
    public final void log(final DirtyLog dirty, final EventFd changed) {
        log = dirty == null ? null : new RingLog(dirty, changed, memory, addresses);
    }

    /** Where what is written to the driver's buffers is told, before they are given back; null while nobody wants to know. */
    public final RingLog log() {
        return log;
    }

    /** Whether the file behind the log it writes, if it does, is still there. Costs a system call: for use after a fault. */
    public final boolean logIntact() {
        return log == null || log.intact();
    }

    final int broken(final String why) {
        if (fault == null) {
            fault = why;
        }
        return BROKEN;
    }

    /** Begins to follow a chain that is not one buffer in one piece. */
    final void beginChain() {
        if (translation != null) {
            translation.begin();
        }
    }

    /** Whether a chain that could not be followed is to wait for a translation; else it is bad. */
    final boolean isToWait() {
        return translation != null && translation.waits();
    }

    /**
     * Appends a descriptor's buffer to a chain, in one piece a region it lies in.
     *
     * @return false when it has the wrong direction, is not mapped all over, or makes the chain too long
     */
    final boolean append(final Segments chain, final long guestAddress, final int length, final int flags, final boolean writable) {
        if ((flags & Descriptor.WRITE) != 0 != writable) {
            return false;
        }
        long at = guestAddress;
        long left = length & 0xFFFF_FFFFL;
        while (left > 0) {
            if (!hit(at, writable)) {
                lacks(at, writable);
                return false;
            }
            final long offset = at - regionStart;
            final int piece = (int) Math.min(Math.min(left, regionSize - offset), Integer.MAX_VALUE);
            if (!chain.add(regionHost + offset, piece)) {
                return false;
            }
            at += piece;
            left -= piece;
        }
        return true;
    }

    /**
     * Appends the buffers of an indirect table, which may itself lie across regions (virtio 1.2, sections 2.7.5.3 and 2.8.7).
     *
     * @param linked whether its descriptors name their followers, as in a split ring; else they follow each other, all of them
     * @return false when the table or one of its descriptors breaks the rules
     */
    final boolean appendTable(final Segments chain, final long table, final int bytes, final boolean writable, final boolean linked) {
        final int entries = bytes >>> 4;
        if (!indirect || entries == 0 || (bytes & Descriptor.SIZE - 1) != 0) {
            return false;
        }
        int at = 0;
        for (int n = 1; ; n++) {
            final long descriptor = translation == null ? translate(table + (long) at * Descriptor.SIZE, Descriptor.SIZE, false)
                : translation.read(table + (long) at * Descriptor.SIZE, Descriptor.SIZE);
            if (descriptor == GuestMemory.UNMAPPED) {
                return false;
            }
            final long address = Memory.getLong(descriptor);
            final long rest = Memory.getLong(descriptor + 8);
            final int flags = Descriptor.flagsInTable(rest, linked, !writable && n == 1 && entries > 1);
            if ((flags & Descriptor.INDIRECT) != 0 || !append(chain, address, (int) rest, flags, writable)) {
                return false;
            }
            if (linked ? (flags & Descriptor.NEXT) == 0 : n == entries) {
                return true;
            }
            at = linked ? (int) (rest >>> 48) : n;
            if (n == Segments.MAX_SEGMENTS || at >= entries) {
                return false;
            }
        }
    }

    /** Where a range is; {@link GuestMemory#UNMAPPED} when it is not wholly inside one region, or one entry of the translations. */
    final long translate(final long address, final long length, final boolean writable) {
        if (!hit(address, writable)) {
            return GuestMemory.UNMAPPED;
        }
        final long offset = address - regionStart;
        return length <= regionSize - offset ? regionHost + offset : GuestMemory.UNMAPPED;
    }

    /** Makes the region that holds an address the one last hit. */
    private boolean hit(final long address, final boolean writable) {
        return Long.compareUnsigned(address - regionStart, regionSize) < 0 || find(address, writable);
    }

    private boolean find(final long address, final boolean writable) {
        if (translation != null) {
            return findTranslated(address, writable ? Iotlb.WRITE : Iotlb.READ);
        }
        final int region = memory.find(address);
        if (region < 0) {
            return false;
        }
        regionStart = memory.guestStart(region);
        regionSize = memory.size(region);
        regionHost = memory.hostStart(region);
        return true;
    }

    private boolean findTranslated(final long address, final int access) {
        final Iotlb iotlb = translation.iotlb();
        final int entry = iotlb.find(address);
        if (entry < 0 || !iotlb.allows(entry, access)) {
            return false;
        }
        regionStart = iotlb.start(entry);
        regionSize = iotlb.size(entry);
        regionHost = iotlb.host(entry);
        return true;
    }

    /** Notes what the chain that is being followed cannot do without. */
    private void lacks(final long address, final boolean writable) {
        if (translation != null) {
            translation.note(address, writable ? Iotlb.WRITE : Iotlb.READ);
        }
    }
}
