package io.ringbridge.datapath.memory;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * The translations that a front-end has sent for the I/O virtual addresses of a guest behind an IOMMU (vhost-user,
 * "IOMMU support"). Each states the access that the device has.
 *
 * <p>Immutable: a change creates a new object, which the workers adopt between two bursts. Entries are in ascending
 * order of addresses and never overlap, so at most one entry contains an address. A range may span several entries;
 * {@link #translate} succeeds if they are contiguous in this process. All arithmetic uses last addresses, because the
 * last entry may end at the end of the address space.
 */
public final class Iotlb {
    /** The device may read. */
    public static final int READ = 1;
    /** The device may write. */
    public static final int WRITE = 2;
    /** The most entries, as in DPDK and the kernel's vhost. A further entry replaces the oldest one. */
    public static final int MAX_ENTRIES = 2048;

    /** The table without entries. */
    public static final Iotlb EMPTY = new Iotlb(0);

    private final long[] starts;
    private final long[] lasts;
    private final long[] users;
    private final long[] hosts;
    private final byte[] access;
    /** The order in which the entries were added. */
    private final long[] arrivals;
    private final long nextArrival;

    private Iotlb(final int entries) {
        this(new long[entries], new long[entries], new long[entries], new long[entries], new byte[entries],
            new long[entries], 0);
    }

    private Iotlb(final long[] starts, final long[] lasts, final long[] users, final long[] hosts,
                  final byte[] access, final long[] arrivals, final long nextArrival) {
        this.starts = starts;
        this.lasts = lasts;
        this.users = users;
        this.hosts = hosts;
        this.access = access;
        this.arrivals = arrivals;
        this.nextArrival = nextArrival;
    }

    /** Returns the number of entries. */
    public int size() {
        return starts.length;
    }

    /** Returns the index of the entry that contains an address, or -1. */
    public int find(final long address) {
        final int at = firstNotBefore(address);
        return at < starts.length && Long.compareUnsigned(starts[at], address) <= 0 ? at : -1;
    }

    /** Returns the index of the first entry that does not end before an address, or the number of entries. */
    private int firstNotBefore(final long address) {
        int low = 0;
        int high = starts.length;
        while (low < high) {
            final int middle = (low + high) >>> 1;
            if (Long.compareUnsigned(lasts[middle], address) < 0) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    /** Returns the I/O virtual address of an entry's start. */
    public long start(final int entry) {
        return starts[entry];
    }

    /** Returns the bytes of an entry. */
    public long size(final int entry) {
        return lasts[entry] - starts[entry] + 1;
    }

    /** Returns the address of an entry's start in the front-end. */
    public long user(final int entry) {
        return users[entry];
    }

    /** Returns the access that the device has to an entry: {@link #READ}, {@link #WRITE}, both, or 0. */
    public int access(final int entry) {
        return access[entry];
    }

    /** Returns the indices of all entries, in the order in which the entries were added. */
    public int[] byArrival() {
        return IntStream.range(0, arrivals.length).boxed().sorted(Comparator.comparingLong(entry -> arrivals[entry]))
            .mapToInt(Integer::intValue).toArray();
    }

    /** Returns the address of an entry's start in this process. */
    public long host(final int entry) {
        return hosts[entry];
    }

    /**
     * Whether the device has some access to an entry.
     *
     * @param wanted {@link #READ}, {@link #WRITE} or both
     */
    public boolean allows(final int entry, final int wanted) {
        return (access[entry] & wanted) == wanted;
    }

    /**
     * Translates a range to this process.
     *
     * @return an address, or {@link GuestMemory#UNMAPPED} if a part of the range is unknown or does not allow the
     *     access, or the parts are not contiguous
     */
    public long translate(final long address, final long length, final int wanted) {
        int entry = find(address);
        if (entry < 0 || length < 0) {
            return GuestMemory.UNMAPPED;
        }
        final long host = hosts[entry] + (address - starts[entry]);
        long done = 0;
        while (entry < starts.length && allows(entry, wanted)
            && (done == 0 || starts[entry] == address + done && hosts[entry] == host + done)) {
            done = lasts[entry] - address + 1;
            if (length <= done) {
                return host;
            }
            entry++;
        }
        return GuestMemory.UNMAPPED;
    }

    /**
     * Returns the bytes from the start of a range that are known and allow the access. The translation of the next byte
     * has to be requested.
     */
    public long translateKnown(final long address, final long length, final int wanted) {
        int entry = find(address);
        if (entry < 0) {
            return 0;
        }
        long done = 0;
        while (done < length && entry < starts.length && allows(entry, wanted)
            && (done == 0 || starts[entry] == address + done)) {
            done = lasts[entry] - address + 1;
            entry++;
        }
        return Math.min(done, length);
    }

    /**
     * Whether an entry already contains a translation: the same address in the front-end, and at least the same access.
     * A translation without access is contained only in an entry without access.
     */
    public boolean contains(final long address, final long size, final long user, final int wanted) {
        final int entry = find(address);
        return entry >= 0 && Long.compareUnsigned(address + (size - 1), lasts[entry]) <= 0
            && users[entry] + (address - starts[entry]) == user && allows(entry, wanted)
            && (wanted == 0) == (access[entry] == 0);
    }

    /** Whether any address from {@code first} to {@code last} is known. */
    public boolean overlaps(final long first, final long last) {
        final int entry = firstNotBefore(first);
        return entry < starts.length && Long.compareUnsigned(starts[entry], last) <= 0;
    }

    /**
     * Returns this table with one more entry, which must not overlap another. If the table is full, its oldest entry is
     * removed.
     *
     * @param size in bytes, at least 1; the end must not overflow
     * @param user the address in the front-end
     * @param host the address in this process
     * @param allowed {@link #READ}, {@link #WRITE}, both, or 0
     */
    public Iotlb with(final long address, final long size, final long user, final long host, final int allowed) {
        if (starts.length == MAX_ENTRIES) {
            final int oldest = oldest();
            return without(oldest, oldest + 1).with(address, size, user, host, allowed);
        }
        final int at = firstNotBefore(address);
        final Iotlb next = new Iotlb(withGap(starts, at), withGap(lasts, at), withGap(users, at), withGap(hosts, at),
            new byte[starts.length + 1], withGap(arrivals, at), nextArrival + 1);
        System.arraycopy(access, 0, next.access, 0, at);
        System.arraycopy(access, at, next.access, at + 1, starts.length - at);
        next.starts[at] = address;
        next.lasts[at] = address + (size - 1);
        next.users[at] = user;
        next.hosts[at] = host;
        next.access[at] = (byte) allowed;
        next.arrivals[at] = nextArrival;
        return next;
    }

    private static long[] withGap(final long[] from, final int at) {
        final long[] to = Arrays.copyOf(from, from.length + 1);
        System.arraycopy(from, at, to, at + 1, from.length - at);
        return to;
    }

    private int oldest() {
        int oldest = 0;
        for (int i = 1; i < arrivals.length; i++) {
            if (arrivals[i] < arrivals[oldest]) {
                oldest = i;
            }
        }
        return oldest;
    }

    /** Returns this table without the entries that contain any address from {@code first} to {@code last}. */
    public Iotlb without(final long first, final long last) {
        final int from = firstNotBefore(first);
        int to = from;
        while (to < starts.length && Long.compareUnsigned(starts[to], last) <= 0) {
            to++;
        }
        return from == to ? this : without(from, to);
    }

    private Iotlb without(final int from, final int to) {
        final int rest = starts.length - (to - from);
        final Iotlb next = new Iotlb(cut(starts, from, to), cut(lasts, from, to), cut(users, from, to),
            cut(hosts, from, to), new byte[rest], cut(arrivals, from, to), nextArrival);
        System.arraycopy(access, 0, next.access, 0, from);
        System.arraycopy(access, to, next.access, from, rest - from);
        return next;
    }

    private static long[] cut(final long[] from, final int first, final int end) {
        final long[] to = Arrays.copyOf(from, from.length - (end - first));
        System.arraycopy(from, end, to, first, to.length - first);
        return to;
    }

    /** Returns this table for memory with other regions, without the entries that these regions do not contain. */
    public Iotlb over(final GuestMemory memory) {
        final Iotlb next = new Iotlb(starts.clone(), lasts.clone(), users.clone(), hosts.clone(), access.clone(),
            arrivals.clone(), nextArrival);
        int kept = 0;
        for (int i = 0; i < starts.length; i++) {
            final long host = memory.translateUser(users[i], size(i));
            if (host != GuestMemory.UNMAPPED || access[i] == 0) {
                next.starts[kept] = starts[i];
                next.lasts[kept] = lasts[i];
                next.users[kept] = users[i];
                next.hosts[kept] = host;
                next.access[kept] = access[i];
                next.arrivals[kept++] = arrivals[i];
            }
        }
        return kept == starts.length ? next : next.without(kept, starts.length);
    }
}
