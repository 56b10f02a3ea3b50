package io.ringbridge.datapath.bridge;

import io.ringbridge.datapath.packet.MacAddress;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntPredicate;
import java.util.stream.LongStream;

/**
 * The known stations, and the port on which each was last heard.
 *
 * <p>A hash table of fixed size in one array. Four stations form a line of 64 bytes, one cache line:
 * <pre>
 *   key    bits 12-59 address (little endian), bits 0-11 VLAN; 0 never used, -1 removed
 *   value  bits 0-31 second last heard, bits 32-47 port, bit 48 static, bit 62 valid; 0 being written
 * </pre>
 * A search starts at the line that the station's hash selects. It ends at the first line with a slot that was never
 * used, or after eight lines.
 *
 * <p>Any worker and any control thread may read and write at any time; no thread waits. A writer claims an occupied
 * slot by setting its value to 0, and a free slot by setting its key, each with a compare-and-set. The value is written
 * last. A reader trusts a value only if the key is the same before and after the load of the value. Two workers that
 * hear a new station at the same time may write it to two slots. A search finds the first of them, and the other one
 * ages.
 *
 * <p>If the table is full, a new station replaces a station of the port that has the most. A port that floods the table
 * with addresses therefore loses its own.
 */
public final class ForwardingTable {
    /** The result of {@link #find} for a station that is not in the table. */
    public static final int UNKNOWN = -1;

    /** The age with which a static station is reported. */
    public static final int STATIC_AGE = -1;

    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int LINE_SLOTS = 4;
    private static final int LINE_LONGS = 2 * LINE_SLOTS;
    private static final int MAX_LINES = 8;
    /** Attempts to write a slot that other threads write at the same time. */
    private static final int ATTEMPTS = 8;
    private static final long NEVER = 0;
    private static final long REMOVED = -1;
    private static final long WRITING = 0;
    private static final long VALID = 1L << 62;
    private static final long STATIC = 1L << 48;
    private static final long PORT_MASK = 0xFFFFL << 32;
    private static final long SECOND_MASK = 0xFFFF_FFFFL;

    /**
     * One station.
     *
     * @param mac the address, such as {@code 52:54:00:00:00:01}
     * @param vlan 0 for ports without VLANs
     * @param port the index of the station's port
     * @param isStatic whether the station was added by {@link #addStatic}, and neither ages nor moves
     * @param ageSeconds the time since the station was last heard; 0 for a static station
     */
    public record Entry(String mac, int vlan, int port, boolean isStatic, long ageSeconds) {
    }

    /** Receives stations. */
    @FunctionalInterface
    public interface Visitor {
        /**
         * Receives a station.
         *
         * @param port the index of the station's port
         * @param age the seconds since the station was last heard, or {@link #STATIC_AGE}
         */
        void station(long key, int port, int age);
    }

    private final int capacity;
    private final int ageing;
    private final long[] slots;
    private final int lineShift;
    private final AtomicLong version = new AtomicLong();
    private final StationCounts counts;

    /**
     * Creates an empty table.
     *
     * @param capacity the most stations in the table
     * @param ageingSeconds the time after which a silent station is unknown
     * @param ports the most ports
     */
    public ForwardingTable(final int capacity, final int ageingSeconds, final int ports) {
        this.capacity = capacity;
        ageing = ageingSeconds;
        counts = new StationCounts(ports);
        final int lines = Math.max(2, Integer.highestOneBit(Math.max(1, capacity - 1)) * 4 / LINE_SLOTS);
        slots = new long[lines * LINE_LONGS];
        lineShift = 64 - Integer.numberOfTrailingZeros(lines);
    }

    /** Returns the key of a station: its address as a little-endian word, and its VLAN. */
    public static long key(final long address, final int vlan) {
        return address << 12 | vlan;
    }

    /** Returns the VLAN of a station's key. */
    public static int vlan(final long key) {
        return (int) key & 0xFFF;
    }

    /** Returns a number that changes whenever a verdict based on this table may have become invalid. */
    public long version() {
        return version.get();
    }

    /** Invalidates all earlier verdicts. */
    public void changed() {
        version.incrementAndGet();
    }

    /** Returns the counts of moves. */
    public StationMoves moves() {
        return counts.moves();
    }

    /** Returns the most stations in the table. */
    public int capacity() {
        return capacity;
    }

    /** Returns the counts of changes. */
    public TableCounters counters() {
        return counts.counters();
    }

    /** Returns the number of stations, including those that have aged and were not swept yet. */
    public int size() {
        return counts.size();
    }

    private int line(final long key) {
        return (int) (key * 0x9E37_79B9_7F4A_7C15L >>> lineShift);
    }

    private long slot(final int i) {
        return (long) SLOT.getAcquire(slots, i);
    }

    /**
     * Finds the port of a station.
     *
     * @param now in seconds
     * @return the port's index, or {@link #UNKNOWN}
     */
    public int find(final long key, final int now) {
        final int at = locate(key);
        if (at < 0) {
            return UNKNOWN;
        }
        final long value = slot(at + 1);
        if (slot(at) != key || (value & VALID) == 0 || isAged(value, now)) {
            return UNKNOWN;
        }
        return portOf(value);
    }

    /** Whether a station is static. */
    public boolean isStatic(final long key) {
        final int at = locate(key);
        if (at < 0) {
            return false;
        }
        final long value = slot(at + 1);
        return slot(at) == key && (value & (VALID | STATIC)) == (VALID | STATIC);
    }

    private int locate(final long key) {
        int at = line(key) * LINE_LONGS;
        for (int n = 0; n < MAX_LINES; n++) {
            boolean last = false;
            for (int i = at; i < at + LINE_LONGS; i += 2) {
                final long found = slot(i);
                if (found == key) {
                    return i;
                }
                last |= found == NEVER;
            }
            if (last) {
                return -1;
            }
            at = at + LINE_LONGS & slots.length - 1;
        }
        return -1;
    }

    private static int portOf(final long value) {
        return (int) (value >>> 32) & 0xFFFF;
    }

    private boolean isAged(final long value, final int now) {
        return (value & STATIC) == 0 && now - (int) value >= ageing;
    }

    private static long value(final int port, final int now, final boolean isStatic) {
        return VALID | (long) port << 32 | now & SECOND_MASK | (isStatic ? STATIC : 0);
    }

    /**
     * Records that a station was heard on a port. The station may be new, known on this port, or known on another.
     *
     * @param now in seconds
     */
    public void learn(final long key, final int port, final int now) {
        final int at = locate(key);
        if (at >= 0) {
            final long old = slot(at + 1);
            final long heard = value(port, now, false);
            if (old == heard || (old & STATIC) != 0 || old == WRITING) {
                return;
            }
            if (SLOT.compareAndSet(slots, at + 1, old, heard) && ((old ^ heard) & PORT_MASK) != 0) {
                counts.replaced(portOf(old), port);
                if (!isAged(old, now)) {
                    counts.moved(key, portOf(old), port);
                }
                changed();
            }
            return;
        }
        if (key != NEVER) {
            insert(key, value(port, now, false), now);
        }
    }

    private void insert(final long key, final long value, final int now) {
        if (counts.size() >= capacity) {
            final int victim = findVictim(key, portOf(value), now);
            if (victim < 0 || !replace(victim, now)) {
                return;
            }
        }
        int at = line(key) * LINE_LONGS;
        for (int n = 0; n < MAX_LINES; n++) {
            for (int i = at; i < at + LINE_LONGS; i += 2) {
                final long there = slot(i);
                final long old = slot(i + 1);
                final boolean free = there == NEVER || there == REMOVED || (old & VALID) != 0 && isAged(old, now);
                if (free && occupy(i, there, old, key, value)) {
                    countReplaced(old, now);
                    return;
                }
            }
            at = at + LINE_LONGS & slots.length - 1;
        }
        final int victim = findVictim(key, portOf(value), now);
        if (victim >= 0) {
            final long old = slot(victim + 1);
            if (occupy(victim, slot(victim), old, key, value)) {
                countReplaced(old, now);
            }
        }
    }

    /** Removes a station to make room for another one. */
    private boolean replace(final int at, final int now) {
        final long old = slot(at + 1);
        final boolean cleared = clear(at, old);
        if (cleared) {
            countReplaced(old, now);
        }
        return cleared;
    }

    private void countReplaced(final long old, final int now) {
        if ((old & VALID) != 0) {
            counts.left(isAged(old, now));
        }
    }

    /**
     * Selects a station to replace, among the slots where a new station of a port may be. Prefers one that has aged,
     * then one of the port with the most stations, unless that port has fewer than the new station's.
     *
     * @return the slot, or -1 if there is none
     */
    private int findVictim(final long key, final int port, final int now) {
        int victim = -1;
        int most = counts.of(port);
        int at = line(key) * LINE_LONGS;
        for (int n = 0; n < MAX_LINES; n++) {
            for (int i = at; i < at + LINE_LONGS; i += 2) {
                final long value = slot(i + 1);
                if ((value & (VALID | STATIC)) == VALID) {
                    final int has = isAged(value, now) ? Integer.MAX_VALUE : counts.of(portOf(value));
                    if (has >= most) {
                        victim = i;
                        most = has;
                    }
                }
            }
            at = at + LINE_LONGS & slots.length - 1;
        }
        return victim;
    }

    /** Writes a station to a slot, if the slot still has the old key and value. */
    private boolean occupy(final int at, final long oldKey, final long oldValue, final long key, final long value) {
        final boolean occupied = (oldValue & VALID) != 0;
        if (occupied) {
            if (!SLOT.compareAndSet(slots, at + 1, oldValue, WRITING)) {
                return false;
            }
            SLOT.setRelease(slots, at, key);
        } else if (!SLOT.compareAndSet(slots, at, oldKey, key)) {
            return false;
        }
        SLOT.setRelease(slots, at + 1, value);
        if ((value & STATIC) == 0) {
            counts.counters().learned();
        }
        if (occupied) {
            counts.replaced(portOf(oldValue), portOf(value));
        } else {
            counts.added(portOf(value));
        }
        changed();
        return true;
    }

    /**
     * Adds a static station, which neither ages nor moves until it is removed.
     *
     * @param port one that {@linkplain io.ringbridge.datapath.port.Port#carries carries} the VLAN of the key
     * @return false if the station finds no slot
     */
    public boolean addStatic(final long key, final int port) {
        final long fixed = value(port, 0, true);
        for (int i = 0; i < ATTEMPTS; i++) {
            final int at = locate(key);
            if (at < 0) {
                insert(key, fixed, 0);
            } else {
                makeStatic(at, slot(at + 1), fixed);
            }
            if (valueOf(key) == fixed) {
                return true;
            }
        }
        return false;
    }

    /** Makes a known station static, unless its slot is being written. */
    private void makeStatic(final int at, final long old, final long fixed) {
        if ((old & VALID) != 0 && old != fixed && SLOT.compareAndSet(slots, at + 1, old, fixed)) {
            counts.replaced(portOf(old), portOf(fixed));
            changed();
        }
    }

    private long valueOf(final long key) {
        final int at = locate(key);
        return at < 0 ? WRITING : slot(at + 1);
    }

    /** Returns the keys of a port's static stations. */
    public long[] statics(final int port) {
        final LongStream.Builder keys = LongStream.builder();
        for (int at = 0; at < slots.length; at += 2) {
            final long key = slot(at);
            final long value = slot(at + 1);
            if ((value & (VALID | STATIC)) == (VALID | STATIC) && portOf(value) == port && slot(at) == key) {
                keys.add(key);
            }
        }
        return keys.build().toArray();
    }

    /**
     * Removes a station.
     *
     * @return false if it was unknown
     */
    public boolean remove(final long key) {
        boolean any = false;
        for (int at = locate(key); at >= 0 && clear(at, slot(at + 1)); at = locate(key)) {
            any = true;
        }
        return any;
    }

    /**
     * Removes the stations of a port.
     *
     * @param statics whether to remove static ones too
     * @return the number removed
     */
    public int flush(final int port, final boolean statics) {
        int flushed = 0;
        for (int at = 0; at < slots.length; at += 2) {
            final long value = slot(at + 1);
            if ((value & VALID) != 0 && portOf(value) == port && (statics || (value & STATIC) == 0)
                && clear(at, value)) {
                flushed++;
            }
        }
        return flushed;
    }

    /**
     * Removes the stations of a port in some VLANs, static ones included.
     *
     * @param vlans selects the VLANs; 0 for ports without VLANs
     * @return the number removed
     */
    public int flush(final int port, final IntPredicate vlans) {
        int flushed = 0;
        for (int at = 0; at < slots.length && counts.of(port) > 0; at += 2) {
            final long key = slot(at);
            final long value = slot(at + 1);
            if ((value & VALID) != 0 && portOf(value) == port && vlans.test(vlan(key)) && slot(at) == key
                && clear(at, value)) {
                flushed++;
            }
        }
        return flushed;
    }

    /** Removes stations that have aged, which frees their slots and reduces {@link #size}. */
    public void sweep(final int now) {
        for (int at = 0; at < slots.length; at += 2) {
            final long value = slot(at + 1);
            if ((value & VALID) != 0 && isAged(value, now) && clear(at, value)) {
                counts.left(true);
            }
        }
    }

    private boolean clear(final int at, final long value) {
        if ((value & VALID) == 0 || !SLOT.compareAndSet(slots, at + 1, value, WRITING)) {
            return false;
        }
        SLOT.setRelease(slots, at, REMOVED);
        counts.removed(portOf(value));
        changed();
        return true;
    }

    /**
     * Passes stations to a visitor.
     *
     * @param now in seconds
     * @param heardWithin selects the stations heard in the last {@code heardWithin} seconds, and if that is no less
     *     than the ageing time, the static ones too
     */
    public void visit(final int now, final int heardWithin, final Visitor visitor) {
        for (int at = 0; at < slots.length; at += 2) {
            final long key = slot(at);
            final long value = slot(at + 1);
            if ((value & VALID) == 0 || slot(at) != key) {
                continue;
            }
            final int age = now - (int) value;
            if ((value & STATIC) != 0 ? heardWithin >= ageing : age < ageing && age <= heardWithin) {
                visitor.station(key, portOf(value), (value & STATIC) != 0 ? STATIC_AGE : Math.max(0, age));
            }
        }
    }

    /** Returns a copy of all stations that have not aged, in no order. */
    public List<Entry> entries(final int now) {
        final List<Entry> entries = new ArrayList<>();
        for (int at = 0; at < slots.length; at += 2) {
            final long key = slot(at);
            final long value = slot(at + 1);
            if ((value & VALID) != 0 && slot(at) == key && !isAged(value, now)) {
                final boolean isStatic = (value & STATIC) != 0;
                entries.add(new Entry(MacAddress.format(key >>> 12), vlan(key), portOf(value), isStatic,
                    isStatic ? 0 : now - (int) value));
            }
        }
        return entries;
    }
}
