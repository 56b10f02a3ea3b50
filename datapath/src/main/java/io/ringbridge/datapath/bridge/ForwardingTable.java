package io.ringbridge.datapath.bridge;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;

/**
 * The stations heard of, and the port each was last heard on.
 *
 * <p>A hash table of fixed size in one array, in lines of four stations, 64 bytes, a cache line:
 * <pre>
 *   key    bits 12-59 address (little endian), bits 0-11 VLAN; 0 never used, -1 removed
 *   value  bits 0-31 second last heard, bits 32-47 port, bit 48 static, bit 62 valid; 0 being written
 * </pre>
 * A station is looked for from the line its hash names on, until a line with a place never used, over at most eight lines. Any worker
 * and any control thread may read and write at any time; nobody waits. A writer takes a place by setting its value to 0 with
 * a compare-and-set, writes the key, and then the value; a reader believes a value only when it finds the key before and after it.
 * Two workers that hear of a new station at the same time may give it two places: the first one found counts, the other ages.
 *
 * <p>When there is no room, a new station takes the place of one of the port that has the most: a port that floods the table
 * with addresses loses its own.
 */
public final class ForwardingTable {
    /** What {@link #find} answers for a station that is not there. */
    public static final int UNKNOWN = -1;

    /** In place of the age of a station that was set by hand. */
    public static final int STATIC_AGE = -1;

    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int LINE_SLOTS = 4;
    private static final int LINE_LONGS = 2 * LINE_SLOTS;
    private static final int MAX_LINES = 8;
    /** How often to write an entry that others write at the same time. */
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
     * @param mac as {@code 52:54:00:00:00:01}
     * @param vlan 0 for untagged
     * @param port the index of its port
     * @param isStatic set by hand: neither ages nor moves
     * @param ageSeconds since it was last heard; 0 for a static one
     */
    public record Entry(String mac, int vlan, int port, boolean isStatic, long ageSeconds) {
    }

    /** Is shown stations. */
    @FunctionalInterface
    public interface Visitor {
        /** A station: its key, its port, and the seconds since it was heard, or {@link #STATIC_AGE}. */
        void station(long key, int port, int age);
    }

    private final int capacity;
    private final int ageing;
    private final long[] slots;
    private final int lineShift;
    private final AtomicInteger size = new AtomicInteger();
    private final AtomicIntegerArray perPort;
    private final AtomicLong version = new AtomicLong();
    private final StationMoves moves = new StationMoves();

    /**
     * Makes an empty table.
     *
     * @param capacity stations it holds
     * @param ageingSeconds how long a station is remembered that is not heard of
     * @param ports how many ports there may be
     */
    public ForwardingTable(final int capacity, final int ageingSeconds, final int ports) {
        this.capacity = capacity;
        ageing = ageingSeconds;
        perPort = new AtomicIntegerArray(ports);
        final int lines = Math.max(2, Integer.highestOneBit(Math.max(1, capacity - 1)) * 4 / LINE_SLOTS);
        slots = new long[lines * LINE_LONGS];
        lineShift = 64 - Integer.numberOfTrailingZeros(lines);
    }

    /** The key of a station: its address as a little-endian word, and its VLAN. */
    public static long key(final long address, final int vlan) {
        return address << 12 | vlan;
    }

    /** The VLAN of a station's key. */
    public static int vlan(final long key) {
        return (int) key & 0xFFF;
    }

    /** A number that changes whenever a verdict reached with this table may no longer hold. */
    public long version() {
        return version.get();
    }

    /** Makes all verdicts void that were reached before. */
    public void changed() {
        version.incrementAndGet();
    }

    /** How often stations have moved. */
    public StationMoves moves() {
        return moves;
    }

    /** How many stations there are, those among them that have aged and not been cleared away. */
    public int size() {
        return size.get();
    }

    private int line(final long key) {
        return (int) (key * 0x9E37_79B9_7F4A_7C15L >>> lineShift);
    }

    private long slot(final int i) {
        return (long) SLOT.getAcquire(slots, i);
    }

    /**
     * The port behind which a station is.
     *
     * @param now in seconds
     * @return a port's index, or {@link #UNKNOWN}
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

    /** Whether a station was set by hand. */
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
     * Notes that a station was heard on a port: new, again, or moved from another.
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
                perPort.decrementAndGet(portOf(old));
                perPort.incrementAndGet(port);
                if (!isAged(old, now)) {
                    moves.count(key, portOf(old), port);
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
        if (size.get() >= capacity) {
            final int victim = richest(key, portOf(value), now);
            if (victim < 0 || !clear(victim, slot(victim + 1))) {
                return;
            }
        }
        int at = line(key) * LINE_LONGS;
        for (int n = 0; n < MAX_LINES; n++) {
            for (int i = at; i < at + LINE_LONGS; i += 2) {
                final long there = slot(i);
                final long old = slot(i + 1);
                final boolean free = there == NEVER || there == REMOVED || (old & VALID) != 0 && isAged(old, now);
                if (free && take(i, there, old, key, value)) {
                    return;
                }
            }
            at = at + LINE_LONGS & slots.length - 1;
        }
        final int victim = richest(key, portOf(value), now);
        if (victim >= 0) {
            take(victim, slot(victim), slot(victim + 1), key, value);
        }
    }

    /** Among the places where a station may be: one that has aged, or of the port that has most, if it has no fewer than this one. */
    private int richest(final long key, final int port, final int now) {
        int victim = -1;
        int most = perPort.get(port);
        int at = line(key) * LINE_LONGS;
        for (int n = 0; n < MAX_LINES; n++) {
            for (int i = at; i < at + LINE_LONGS; i += 2) {
                final long value = slot(i + 1);
                if ((value & (VALID | STATIC)) == VALID) {
                    final int has = isAged(value, now) ? Integer.MAX_VALUE : perPort.get(portOf(value));
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

    /** Puts a station into a place, if it still holds what was seen there. */
    private boolean take(final int at, final long oldKey, final long oldValue, final long key, final long value) {
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
        perPort.incrementAndGet(portOf(value));
        if (occupied) {
            perPort.decrementAndGet(portOf(oldValue));
        } else {
            size.incrementAndGet();
        }
        changed();
        return true;
    }

    /**
     * Sets a station by hand: it neither ages nor moves until it is removed. False when there is no place for it.
     *
     * @param port one that {@linkplain io.ringbridge.datapath.port.Port#carries carries} the VLAN of the key
     */
    public boolean addStatic(final long key, final int port) {
        final long fixed = value(port, 0, true);
        for (int i = 0; i < ATTEMPTS; i++) {
            final int at = locate(key);
            if (at < 0) {
                insert(key, fixed, 0);
            } else {
                fix(at, slot(at + 1), fixed);
            }
            if (at(key) == fixed) {
                return true;
            }
        }
        return false;
    }

    /** Makes of a station that is there one that was set by hand, unless it is being written. */
    private void fix(final int at, final long old, final long fixed) {
        if ((old & VALID) != 0 && old != fixed && SLOT.compareAndSet(slots, at + 1, old, fixed)) {
            perPort.decrementAndGet(portOf(old));
            perPort.incrementAndGet(portOf(fixed));
            changed();
        }
    }

    private long at(final long key) {
        final int at = locate(key);
        return at < 0 ? WRITING : slot(at + 1);
    }

    /** The keys of the stations that were set by hand behind a port. */
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

    /** Forgets a station. False when it was not there. */
    public boolean remove(final long key) {
        boolean any = false;
        for (int at = locate(key); at >= 0 && clear(at, slot(at + 1)); at = locate(key)) {
            any = true;
        }
        return any;
    }

    /** Forgets every station behind a port, static ones as asked. */
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

    /** Clears away stations that have aged, so that their places and their count are free. */
    public void sweep(final int now) {
        for (int at = 0; at < slots.length; at += 2) {
            final long value = slot(at + 1);
            if ((value & VALID) != 0 && isAged(value, now)) {
                clear(at, value);
            }
        }
    }

    private boolean clear(final int at, final long value) {
        if ((value & VALID) == 0 || !SLOT.compareAndSet(slots, at + 1, value, WRITING)) {
            return false;
        }
        SLOT.setRelease(slots, at, REMOVED);
        size.decrementAndGet();
        perPort.decrementAndGet(portOf(value));
        changed();
        return true;
    }

    /** Shows every station heard in the last so many seconds and, where these are as long as it is remembered, those set by hand. */
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

    /** A copy of all that is in the table, in no order. */
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
