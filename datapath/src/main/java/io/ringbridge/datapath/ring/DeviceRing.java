package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.Segments;
import io.ringbridge.datapath.memory.TouchedRanges;
import io.ringbridge.datapath.os.EventFd;
import org.jspecify.annotations.Nullable;

/**
 * The device's side of a virtqueue of any layout.
 *
 * <p>{@link #next} takes chains in the order in which the driver made them available. {@link #use} returns them in the
 * order in which they were taken, and {@link #publish} makes the returned chains visible to the driver. A chain is in
 * flight from {@code next} until {@code use}; several may be in flight at a time. This class and {@link ChainMemory}
 * contain the code that does not depend on the layout.
 *
 * <p>Owned by one worker. Nothing is allocated after construction. Each field that the driver wrote is read once and
 * checked as a local copy. If a chain breaks the rules but can be returned, the result is {@link #BAD}. If the ring
 * itself is inconsistent, the result is {@link #BROKEN}; the ring then stays broken, and {@link #fault} returns the
 * reason.
 */
public abstract sealed class DeviceRing extends ChainMemory permits SplitRing, PackedDeviceRing {
    /** A chain was taken. */
    public static final int TAKEN = 0;
    /** No chain is available. */
    public static final int EMPTY = 1;
    /** A chain was taken that breaks the rules. Its pieces must not be used, and it must be returned. */
    public static final int BAD = 2;
    /** The ring is inconsistent and cannot be used any more. */
    public static final int BROKEN = 3;

    final int size;
    final boolean eventIdx;
    /** The number of chains in flight: taken and not returned. */
    int out;
    /** The log of the device's writes; null while writes are not logged. */
    @Nullable RingLog log;

    private final boolean inOrder;
    private final long features;
    private final int headerLength;
    private final boolean mergeable;
    private RingAddresses addresses;
    private @Nullable String fault;
    private Owner owner = Owner.ANY;

    DeviceRing(final RingConfig config, final @Nullable RingLog log) {
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

    /** Creates a ring of the negotiated layout that logs nothing. */
    public static DeviceRing create(final RingConfig config) {
        return create(config, null, null);
    }

    /**
     * Creates a ring of the negotiated layout. If chains in flight are recorded, the record is read here. The record
     * and the ring may be written to make the two agree.
     *
     * @param dirty the log of all writes, including those made here; null to log nothing
     * @param changed signalled after the log was written; may be null
     */
    public static DeviceRing create(final RingConfig config, final @Nullable DirtyLog dirty,
                                    final @Nullable EventFd changed) {
        final RingLog log = dirty == null ? null : new RingLog(dirty, changed, config.memory(), config.addresses());
        if (config.bigEndian()) {
            return new BigEndianSplitRing(config, log);
        }
        final boolean packed = Features.has(config.features(), Features.RING_PACKED);
        final InflightRegion inflight = config.inflight();
        if (inflight != null) {
            return packed ? new TrackedPackedRing(config, inflight, log) : new TrackedSplitRing(config, inflight, log);
        }
        return packed ? new PackedDeviceRing(config, log) : new SplitDeviceRing(config, log);
    }

    /**
     * Takes the next available chain.
     *
     * @param chain receives the pieces of the chain, in order
     * @param writable whether the device writes (a receive queue) or reads (a transmit queue); a chain with both
     *     directions is bad
     * @return {@link #TAKEN}, {@link #EMPTY}, {@link #BAD} or {@link #BROKEN}
     */
    public abstract int next(Segments chain, boolean writable);

    /**
     * Takes consecutive available chains that are a single buffer in one piece, as nearly all are.
     *
     * @param addresses receives the addresses of the buffers, from index {@code from} on
     * @param lengths receives the lengths of the buffers in bytes, each above 0
     * @param count the most chains to take
     * @param writable as for {@link #next}
     * @return the number taken; if it is below {@code count}, the next chain, if any, is for {@link #next}
     */
    public abstract int nextPlain(long[] addresses, int[] lengths, int from, int count, boolean writable);

    /**
     * Returns an upper bound of the chains that the driver is known to have made available. If the result is not 0, at
     * least one chain is available. Reads the ring again only if no chain is known.
     *
     * <p>An acquire load: what the driver wrote before is visible after (virtio 1.2, section 2.7.13.3).
     */
    public abstract int available();

    /**
     * Returns the chains that are known to be available and were not taken; the driver may have added more. Reads no
     * guest memory. Any thread may call; the result may be outdated.
     */
    public abstract int known();

    /** Puts back the last {@code chains} taken, as if they had not been taken. */
    public abstract void rewind(int chains);

    /**
     * Returns the oldest chain in flight to the driver, which sees it after {@link #publish}.
     *
     * @param written bytes that the device wrote to the chain
     */
    public abstract void use(int written);

    /**
     * Returns the {@code count} oldest chains in flight to the driver, which sees them after {@link #publish}.
     *
     * @param written bytes written to each chain; null if nothing was written to any of them
     */
    public abstract void use(int @Nullable [] written, int count);

    /**
     * Returns the oldest chains in flight to the driver, with nothing written to any of them. The driver sees them
     * after {@link #publish}.
     *
     * <p>If IN_ORDER was negotiated, one used entry stands for all of them. The driver then assumes that the device
     * used every chain but the last completely, so only chains that the device reads may be returned here (virtio 1.2,
     * sections 2.7.9 and 2.8.8). While writes are logged, each chain gets a used entry of its own, which is allowed:
     * the log then matches the writes.
     *
     * @param chains at least one
     */
    public final void returnUnused(final int chains) {
        if (inOrder && log == null) {
            useBatch(chains);
        } else {
            use(null, chains);
        }
    }

    /** Returns chains to the driver with one used entry, in the first chain's place, that names the last chain. */
    abstract void useBatch(int chains);

    /** Makes the returned chains visible to the driver. A release store: entries and buffers are visible before it. */
    public abstract void publish();

    /**
     * Whether the driver wants a notification for the chains published since the last call. Requires a full fence
     * between {@link #publish} and this call, or the two sides could wait for each other (virtio 1.2, sections 2.7.10
     * and 2.8.21.3.1).
     */
    public abstract boolean wantsNotification();

    /** Asks the driver not to kick, because the worker polls the ring. */
    public abstract void suppressKicks();

    /**
     * Asks the driver to kick when it makes a chain available.
     *
     * @return whether a chain is available already, for which the driver will not kick
     */
    public abstract boolean armKicks();

    /** Returns the position to resume from, as in GET_VRING_BASE. Only meaningful if no chain is in flight. */
    public abstract int base();

    /** Changes the addresses of the ring's parts and keeps the positions. No chain may be in flight. */
    public abstract void move(RingAddresses newAddresses);

    /** Returns {@code split} or {@code packed}. */
    public abstract String layout();

    /**
     * Whether the record of chains in flight, if any, is fully accessible. Costs system calls: for use after a fault.
     */
    public boolean intact() {
        return true;
    }

    public final int size() {
        return size;
    }

    public final long features() {
        return features;
    }

    /** Returns the length of the virtio-net header before each frame, in bytes. */
    public final int headerLength() {
        return headerLength;
    }

    /** Whether a frame may span several receive buffers. */
    public final boolean mergeable() {
        return mergeable;
    }

    /** Returns the number of chains in flight: taken and not returned. */
    public final int out() {
        return out;
    }

    /** Returns the reason why the ring is broken, or null. */
    public final @Nullable String fault() {
        return fault;
    }

    /** Hands the ring to an owner, which alone uses it from now on. */
    public final void setOwner(final Owner newOwner) {
        owner = newOwner;
    }

    /** Whether the calling thread owns the ring. For assertions, once per burst. */
    final boolean isOwned() {
        return owner.isCaller();
    }

    /** Replaces the memory table and the ring's addresses, and keeps the positions. No chain may be in flight. */
    public final void remap(final GuestMemory newMemory, final RingAddresses newAddresses) {
        assert isOwned() : "another thread owns this ring";
        setMemory(newMemory);
        addresses = newAddresses;
        move(newAddresses);
        if (log != null) {
            log = log.withMemory(newMemory, newAddresses);
        }
    }

    /**
     * Follows the next chains without taking them, so that missing translations and pages can be requested in advance.
     * No chain may be in flight.
     */
    public final void probeAhead(final Segments chain, final int chains, final boolean writable) {
        keepRefusal(true);
        int result = TAKEN;
        while (out < chains && (result == TAKEN || result == BAD)) {
            result = next(chain, writable);
        }
        rewind(out);
        keepRefusal(false);
    }

    /**
     * Replaces the log of all writes. All used chains must have been published.
     *
     * @param dirty null to log nothing
     * @param changed signalled after the log was written, once per burst; may be null
     */
    public final void log(final @Nullable DirtyLog dirty, final @Nullable EventFd changed) {
        assert isOwned() : "another thread owns this ring";
        log = dirty == null ? null : new RingLog(dirty, changed, memory(), addresses);
    }

    /**
     * Returns the log for writes to the driver's buffers, or null while writes are not logged. A write is logged before
     * its buffer is returned.
     */
    public final @Nullable RingLog log() {
        return log;
    }

    /** Whether the file behind the log, if any, is intact. Costs a system call: for use after a fault. */
    public final boolean logIntact() {
        return log == null || log.intact();
    }

    /** Adds the parts of the ring and the indirect descriptor that was read last to the touched ranges. */
    public final void addTouched(final TouchedRanges ranges) {
        addresses.add(size, Features.has(features, Features.RING_PACKED), ranges);
        addTable(ranges);
    }

    /** Whether all parts of the ring are accessible. Costs system calls: for use after a fault. */
    public final boolean partsAreAccessible() {
        return addresses.areAccessible(size, Features.has(features, Features.RING_PACKED));
    }

    final int markBroken(final String why) {
        if (fault == null) {
            fault = why;
        }
        return BROKEN;
    }
}
