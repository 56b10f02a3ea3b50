package io.ringbridge.datapath.memory;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * What a front-end has said of the I/O virtual addresses of a guest behind an IOMMU: where they are, and what the device may do there
 * (vhost-user, "IOMMU support").
 *
 * <p>Immutable: a change is a new object, which the workers take over between two bursts. Entries are kept by ascending address and never
 * overlap, so that every search is for the one entry that holds an address. A range may lie over several entries; {@link #translate}
 * answers for one that is in one piece in this process. All arithmetic is on last addresses: the last entry may end where addresses end.
 */
public final class Iotlb {
    /** The device may read. */
    public static final int READ = 1;
    /** The device may write. */
    public static final int WRITE = 2;
    /** The most entries there may be; as with DPDK and the kernel's vhost. The one that came first goes when another comes. */
    public static final int MAX_ENTRIES = 2048;

    /** Nothing is known of any address. */
    public static final Iotlb EMPTY = new Iotlb(0);

    private final long[] starts;
    private final long[] lasts;
    private final long[] users;
    private final long[] hosts;
    private final byte[] access;
    /** The order in which entries came. */
    private final long[] arrivals;
    private final long nextArrival;

    private Iotlb(final int entries) {
        this(new long[entries], new long[entries], new long[entries], new long[entries], new byte[entries], new long[entries], 0);
    }

    private Iotlb(final long[] starts, final long[] lasts, final long[] users, final long[] hosts, final byte[] access,
                  final long[] arrivals, final long nextArrival) {
        this.starts = starts;
        this.lasts = lasts;
        this.users = users;
        this.hosts = hosts;
        this.access = access;
        this.arrivals = arrivals;
        this.nextArrival = nextArrival;
    }

    /** How many entries there are. */
    public int size() {
        return starts.length;
    }

    /** The number of the entry that holds an address, or -1. */
    public int find(final long address) {
        final int at = firstNotBefore(address);
        return at < starts.length && Long.compareUnsigned(starts[at], address) <= 0 ? at : -1;
    }

    /** The first entry that does not end before an address; their number if there is none. */
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

    /** The address at which an entry begins. */
    public long start(final int entry) {
        return starts[entry];
    }

    /** Bytes of an entry. */
    public long size(final int entry) {
        return lasts[entry] - starts[entry] + 1;
    }

    /** Where an entry begins in the front-end. */
    public long user(final int entry) {
        return users[entry];
    }

    /** What the device may do to an entry: {@link #READ}, {@link #WRITE} or both. */
    public int access(final int entry) {
        return access[entry];
    }

    /** The numbers of all entries, in the order in which these came. */
    public int[] byArrival() {
        return IntStream.range(0, arrivals.length).boxed().sorted(Comparator.comparingLong(entry -> arrivals[entry]))
            .mapToInt(Integer::intValue).toArray();
    }

    /** Where an entry begins in this process. */
    public long host(final int entry) {
        return hosts[entry];
    }

    /** Whether the device may do all of this, {@link #READ}, {@link #WRITE} or both, to an entry. */
    public boolean allows(final int entry, final int wanted) {
        return (access[entry] & wanted) == wanted;
    }

    /**
     * Where a range is in this process.
     *
     * @return an address, or {@link GuestMemory#UNMAPPED} where a part is not known, may not be touched in this way, or is not in one piece
     *     with the others
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

    /** How many bytes from the front of a range are known, and may be touched in this way: what comes after is to be asked for. */
    public long known(final long address, final long length, final int wanted) {
        int entry = find(address);
        if (entry < 0) {
            return 0;
        }
        long done = 0;
        while (done < length && entry < starts.length && allows(entry, wanted) && (done == 0 || starts[entry] == address + done)) {
            done = lasts[entry] - address + 1;
            entry++;
        }
        return Math.min(done, length);
    }

    /** Whether an entry says already what another would: the same place in the front-end, and no less access; or none, if none is meant. */
    public boolean says(final long address, final long size, final long user, final int wanted) {
        final int entry = find(address);
        return entry >= 0 && Long.compareUnsigned(address + (size - 1), lasts[entry]) <= 0
            && users[entry] + (address - starts[entry]) == user && allows(entry, wanted) && (wanted == 0) == (access[entry] == 0);
    }

    /** Whether an address of a range, given by its last, is known. */
    public boolean overlaps(final long first, final long last) {
        final int entry = firstNotBefore(first);
        return entry < starts.length && Long.compareUnsigned(starts[entry], last) <= 0;
    }

    /**
     * The same with one entry more, that overlaps none; where there are as many as there may be, without the one that came first.
     *
     * @param size in bytes, one at least; the end does not overflow
     * @param user where the front-end has it
     * @param host where this process has it
     * @param allowed {@link #READ}, {@link #WRITE}, both, or 0
     */
    public Iotlb with(final long address, final long size, final long user, final long host, final int allowed) {
        if (starts.length == MAX_ENTRIES) {
            final int oldest = oldest();
            return without(oldest, oldest + 1).with(address, size, user, host, allowed);
        }
        final int at = firstNotBefore(address);
        final Iotlb next = new Iotlb(opened(starts, at), opened(lasts, at), opened(users, at), opened(hosts, at),
            new byte[starts.length + 1], opened(arrivals, at), nextArrival + 1);
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

    private static long[] opened(final long[] from, final int at) {
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

    /** The same without every entry of which an address is in a range, given by its last. */
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
        final Iotlb next = new Iotlb(closed(starts, from, to), closed(lasts, from, to), closed(users, from, to), closed(hosts, from, to),
            new byte[rest], closed(arrivals, from, to), nextArrival);
        System.arraycopy(access, 0, next.access, 0, from);
        System.arraycopy(access, to, next.access, from, rest - from);
        return next;
    }

    private static long[] closed(final long[] from, final int first, final int end) {
        final long[] to = Arrays.copyOf(from, from.length - (end - first));
        System.arraycopy(from, end, to, first, to.length - first);
        return to;
    }

    /** The same for a guest whose memory has other regions: what these do not hold is not known any more. */
    public Iotlb over(final GuestMemory memory) {
        final Iotlb next = new Iotlb(starts.clone(), lasts.clone(), users.clone(), hosts.clone(), access.clone(), arrivals.clone(),
            nextArrival);
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
