package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.DirtyLog;
import io.ringbridge.datapath.memory.Memory;
import org.jspecify.annotations.Nullable;

/**
 * The device's side of a split virtqueue (virtio 1.2, section 2.7): its indexes, and when the driver is notified. The
 * byte order of the fields, and what is done per chain, are the subclass's.
 *
 * <pre>
 *  descriptor table          available ring               used ring
 *  16 bytes per entry        u16 flags, u16 idx           u16 flags, u16 idx
 *  u64 address               u16 ring[size]               { u32 id, u32 length } ring[size]
 *  u32 length                u16 used_event               u16 avail_event
 *  u16 flags, u16 next
 * </pre>
 *
 * <p>The byte order is asked for once per burst, never per chain.
 */
abstract sealed class SplitRing extends DeviceRing permits SplitDeviceRing, BigEndianSplitRing {
    /** Offset of idx in the available and in the used ring. */
    static final int IDX = 2;
    /** Offset of the first entry in the available and in the used ring. */
    static final int ENTRIES = 4;
    private static final int NO_NOTIFY = 1;
    private static final int NO_INTERRUPT = 1;

    final int mask;
    /** The first descriptor of each chain in flight, by the chain's slot in the available ring. */
    final int[] heads;
    /** The addresses of the ring's three parts. */
    long descriptors;
    long avail;
    long used;
    int nextAvail;
    int usedIdx;
    /** The number of entries of the available ring that were seen and not taken. */
    int known;
    private int publishedIdx;
    private int checkedIdx;

    SplitRing(final RingConfig config, final @Nullable RingLog log) {
        super(config, log);
        mask = size - 1;
        heads = new int[size];
        move(config.addresses());
        usedIdx = read(used + IDX);
        nextAvail = RingIndex.resume(usedIdx, readAcquire(avail + IDX), size, config.base());
        publishedIdx = usedIdx;
        checkedIdx = usedIdx;
    }

    /** Reads a field of two bytes. */
    abstract int read(long address);

    /** Reads a field of two bytes, with acquire semantics. */
    abstract int readAcquire(long address);

    /** Writes a field of two bytes. */
    abstract void write(long address, int value);

    /** Writes a field of two bytes, with release semantics. */
    abstract void writeRelease(long address, int value);

    @Override
    public final void move(final RingAddresses addresses) {
        descriptors = addresses.descriptors();
        avail = addresses.driver();
        used = addresses.device();
    }

    @Override
    public final int available() {
        return known > 0 ? known : readAvailable();
    }

    @Override
    public final int known() {
        return known;
    }

    final int readAvailable() {
        assert isOwned() : "another thread owns this ring";
        // Pairs with the driver's release of avail idx: entries and descriptors written before it are visible after it.
        final int ahead = RingIndex.distance(nextAvail, readAcquire(avail + IDX));
        if (ahead > size - out) {
            known = 0;
            markBroken("the available index is " + ahead + " entries ahead; a ring of " + size + " has " + (size - out)
                + " left");
            return 0;
        }
        known = ahead;
        return ahead;
    }

    /**
     * Returns how far the available index is ahead of the used index. If the two belong together, this is at most the
     * ring's size.
     */
    final int ahead() {
        return RingIndex.distance(usedIdx, readAcquire(avail + IDX));
    }

    /** Counts the next entries of the available ring as taken. */
    final void take(final int chains) {
        nextAvail = RingIndex.advance(nextAvail, chains);
        known -= chains;
        out += chains;
    }

    @Override
    public void rewind(final int chains) {
        take(-chains);
    }

    @Override
    public void publish() {
        assert isOwned() : "another thread owns this ring";
        if (log != null) {
            publishLogged(log);
            return;
        }
        // Pairs with the driver's acquire of used idx: entries and buffers are visible with it (section 2.7.8.2).
        writeRelease(used + IDX, usedIdx);
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
        writeRelease(used + IDX, usedIdx);
        DirtyLog.fence();
        log.deviceWritten(IDX, 2);
        publishedIdx = usedIdx;
        log.signal();
    }

    @Override
    public final boolean wantsNotification() {
        final int old = checkedIdx;
        checkedIdx = usedIdx;
        if (eventIdx) {
            return RingIndex.passed(read(avail + ENTRIES + 2L * size), usedIdx, old);
        }
        return (read(avail) & NO_INTERRUPT) == 0;
    }

    @Override
    public final void suppressKicks() {
        // EVENT_IDX makes the flag void. The index just behind is reached again only after 65535 entries.
        requestKicks(NO_NOTIFY, nextAvail - 1);
    }

    @Override
    public final boolean armKicks() {
        requestKicks(0, RingIndex.advance(nextAvail, known));
        // The request must be visible before the index is read, or a chain added in between is not seen and not kicked
        // for.
        Memory.fullFence();
        return available() > 0;
    }

    /** Asks the driver when to kick: writes avail_event with EVENT_IDX, and the flags without it. */
    private void requestKicks(final int flags, final int event) {
        final long offset = eventIdx ? ENTRIES + 8L * size : 0;
        write(used + offset, eventIdx ? event : flags);
        if (log != null) {
            log.eventWritten(offset, 2);
        }
    }

    @Override
    public final int base() {
        return nextAvail;
    }

    @Override
    public final String layout() {
        return "split";
    }
}
