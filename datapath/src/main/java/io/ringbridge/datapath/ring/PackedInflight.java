package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.Memory;

/**
 * The record of the chains in flight of a packed ring, as laid out in memory (vhost-user, "Inflight I/O tracking").
 *
 * <pre>
 *  header, 32 bytes                             entry, 32 bytes, one per descriptor
 *  u64 features                                 u8  inflight, u8 padding
 *  u16 version, u16 desc_num                    u16 next, u16 last, u16 num
 *  u16 free_head, u16 old_free_head             u64 counter
 *  u16 used_idx, u16 old_used_idx               u16 id, u16 flags, u32 len
 *  u8  used_wrap_counter, old_used_wrap_counter u64 addr
 *  u8  padding[7], and 3 for alignment
 * </pre>
 *
 * <p>One aligned word contains used_idx and old_used_idx with their wrap counters. Another contains both heads of the
 * list of free entries. Each word is written in one store, because a partly written word would look like another
 * position.
 *
 * <p>Owned by one worker.
 */
final class PackedInflight {
    private static final int HEADS = 8;
    private static final int FREE_HEAD = 12;
    private static final int OLD_FREE_HEAD = 14;
    private static final int POSITIONS = 16;
    private static final int NEXT = 2;
    private static final int LAST = 4;
    private static final int NUM = 6;
    private static final int COUNTER = 8;
    private static final int DESCRIPTOR = 16;
    private static final int ADDRESS = 24;

    private final long region;
    private final int entries;

    PackedInflight(final InflightRegion inflight) {
        region = inflight.address();
        entries = inflight.entries();
    }

    /** Whether the record was written in this layout and with this number of entries. */
    boolean isInitialised() {
        return Memory.getShort(region + InflightRegion.VERSION_AT) == InflightRegion.VERSION
            && (Memory.getShort(region + InflightRegion.ENTRIES_AT) & 0xFFFF) == entries;
    }

    /** Initialises the record of a ring with no chain in flight. */
    void initialise(final int usedIdx, final boolean wrap) {
        Memory.putShort(region + InflightRegion.VERSION_AT, (short) 0);
        Memory.zero(region, InflightRegion.PACKED_HEADER + (long) InflightRegion.PACKED_ENTRY * entries);
        for (int i = 0; i < entries; i++) {
            next(i, i + 1);
        }
        Memory.putShort(region + InflightRegion.ENTRIES_AT, (short) entries);
        positions(usedIdx, wrap, usedIdx, wrap);
        Memory.putShortRelease(region + InflightRegion.VERSION_AT, InflightRegion.VERSION);
    }

    private long entry(final int i) {
        return region + InflightRegion.PACKED_HEADER + (long) InflightRegion.PACKED_ENTRY * i;
    }

    /**
     * Writes both heads of the list of free entries. A release store: earlier stores are visible with it.
     *
     * @param now the present head
     * @param old the head when the last batch was settled
     */
    void freeHeads(final int now, final int old) {
        Memory.putLongRelease(region + HEADS,
            InflightRegion.VERSION | (long) entries << 16 | (long) now << 32 | (long) old << 48);
    }

    /**
     * Writes both used positions. A release store: earlier stores are visible with it.
     *
     * @param now the present position
     * @param old the position when the last batch was settled
     */
    void positions(final int now, final boolean wrap, final int old, final boolean oldWrap) {
        Memory.putLongRelease(region + POSITIONS,
            now | (long) old << 16 | (wrap ? 1L << 32 : 0) | (oldWrap ? 1L << 40 : 0));
    }

    int freeHead() {
        return Memory.getShort(region + FREE_HEAD) & 0xFFFF;
    }

    int oldFreeHead() {
        return Memory.getShort(region + OLD_FREE_HEAD) & 0xFFFF;
    }

    /**
     * Returns the word that contains both used positions. {@link #usedIdx} and the methods after it decode the word.
     */
    long positions() {
        return Memory.getLong(region + POSITIONS);
    }

    /** Whether the recorded used position is this one, and the last batch is settled. */
    boolean isSettledAt(final int at, final boolean wrap) {
        final long all = positions();
        return usedIdx(all) == at && oldUsedIdx(all) == at && usedWrap(all) == wrap && oldUsedWrap(all) == wrap;
    }

    static int usedIdx(final long positions) {
        return (int) positions & 0xFFFF;
    }

    static int oldUsedIdx(final long positions) {
        return (int) (positions >>> 16) & 0xFFFF;
    }

    static boolean usedWrap(final long positions) {
        return (positions >>> 32 & 0xFF) != 0;
    }

    static boolean oldUsedWrap(final long positions) {
        return (positions >>> 40 & 0xFF) != 0;
    }

    /** Starts the record of a chain at its first entry. */
    void begin(final int first, final long counter) {
        final long entry = entry(first);
        Memory.putShort(entry + NUM, (short) 0);
        Memory.putLong(entry + COUNTER, counter);
        Memory.putShort(entry, (short) 1);
    }

    /** Records a descriptor: its address, and its word of length, identifier and flags, as in the ring. */
    void put(final int i, final long address, final long word) {
        Memory.putLong(entry(i) + DESCRIPTOR, Long.rotateLeft(word, 32));
        Memory.putLong(entry(i) + ADDRESS, address);
    }

    /** Completes the record of a chain. */
    void end(final int first, final int last, final int count) {
        Memory.putShort(entry(first) + LAST, (short) last);
        Memory.putShort(entry(first) + NUM, (short) count);
    }

    /**
     * Records that the chain with this first entry is not in flight. A release store: earlier stores are visible with
     * it.
     */
    void unmark(final int first) {
        Memory.putShortRelease(entry(first), (short) 0);
    }

    void next(final int i, final int next) {
        Memory.putShort(entry(i) + NEXT, (short) next);
    }

    boolean isMarked(final int i) {
        return Memory.getByte(entry(i)) != 0;
    }

    int next(final int i) {
        return Memory.getShort(entry(i) + NEXT) & 0xFFFF;
    }

    int num(final int first) {
        return Memory.getShort(entry(first) + NUM) & 0xFFFF;
    }

    long counter(final int first) {
        return Memory.getLong(entry(first) + COUNTER);
    }

    long address(final int i) {
        return Memory.getLong(entry(i) + ADDRESS);
    }

    /** Returns the word of length, identifier and flags, as it was in the ring. */
    long word(final int i) {
        return Long.rotateLeft(Memory.getLong(entry(i) + DESCRIPTOR), 32);
    }
}
