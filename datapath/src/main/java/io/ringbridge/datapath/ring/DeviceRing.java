package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.os.EventFd;

/**
 * The device's side of a virtqueue, whatever its layout.
 *
 * <p>Chains are taken with {@link #next}, in the order the driver made them available, and given back with {@link #use}, in the order
 * they were taken; {@link #publish} shows the driver all that was given back. Several may be out at a time. What is the same for
 * split and packed rings is here, and in {@link ChainMemory}: the rules for a descriptor, and the count of chains out.
 *
 * <p>Owned by one worker. Nothing is allocated after construction. Whatever the driver wrote is read once and checked as a local copy;
 * what breaks the rules is {@link #BAD} where the chain can still be given back, and {@link #BROKEN} where the ring itself makes no
 * sense any more: it then stays broken, and {@link #fault} says why.
 */
public abstract sealed class DeviceRing extends ChainMemory permits SplitDeviceRing, PackedDeviceRing, BigEndianSplitRing {
    /** A chain was taken. */
    public static final int TAKEN = 0;
    /** No chain is available. */
    public static final int EMPTY = 1;
    /** A chain was taken that breaks the rules; its pieces are not to be used, and it has to be given back. */
    public static final int BAD = 2;
    /** The ring cannot go on. */
    public static final int BROKEN = 3;

    final int size;
    final boolean eventIdx;
    /** Chains taken and not given back. */
    int out;
    /** Where the device's writes are told; null while nobody wants to know. */
    RingLog log;

    private final boolean inOrder;
    private final long features;
    private final int headerLength;
    private final boolean mergeable;
    private RingAddresses addresses;
    private String fault;

    DeviceRing(final RingConfig config, final RingLog log) {
        super(config.memory(), Features.has(config.features(), Features.INDIRECT_DESC));
        size = config.size();
        features = config.features();
        eventIdx = Features.has(features, Features.EVENT_IDX);
        inOrder = Features.has(features, Features.IN_ORDER);
        headerLength = Features.headerLength(features);
        mergeable = Features.has(features, Features.MRG_RXBUF);
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
     * so this is for chains that the device reads (virtio 1.2, sections 2.7.9 and 2.8.8). While writes are logged each has its own, which
     * is allowed, so that what is logged is what was written.
     *
     * @param chains one at least
     */
    public final void giveBack(final int chains) {
        if (inOrder && log == null) {
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

    /** Whether the record of chains in flight, if there is one, is all there. Costs system calls: for use after a fault. */
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
        take(newMemory);
        addresses = newAddresses;
        move(newAddresses);
        if (log != null) {
            log = log.moved(newMemory, newAddresses);
        }
    }

    /**
     * Looks at the next chains without taking them, so that what they lack can be asked for before they are needed. No chain may be
     * out.
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

    /**
     * Logs all writes from now on, in place of where they were logged before. All that was used has to be shown.
     *
     * @param dirty null for not at all
     * @param changed signalled when the log was written, once a burst; may be null
     */
    public final void log(final DirtyLog dirty, final EventFd changed) {
        log = dirty == null ? null : new RingLog(dirty, changed, memory(), addresses);
    }

    /** Where what is written to the driver's buffers is told, before they are given back; null while nobody wants to know. */
    public final RingLog log() {
        return log;
    }

    /** Whether the file behind the log it writes, if it does, is still there. Costs a system call: for use after a fault. */
    public final boolean logIntact() {
        return log == null || log.intact();
    }

    /** Adds the parts of the ring, and the indirect table that was read last, to what is touched. */
    public final void addTouched(final TouchedRanges ranges) {
        addresses.add(size, Features.has(features, Features.RING_PACKED), ranges);
        addTable(ranges);
    }

    /** Whether all its parts can be touched. Costs system calls: for use after a fault. */
    public final boolean partsAreThere() {
        return addresses.areThere(size, Features.has(features, Features.RING_PACKED));
    }

    final int broken(final String why) {
        if (fault == null) {
            fault = why;
        }
        return BROKEN;
    }
}
