package io.ringbridge.datapath.memory;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The regions of one guest's memory, and the translation of its addresses.
 *
 * <p>Immutable: a change of regions is a new object, which the workers take over between two bursts. Every answer covers the whole
 * range asked for, or is {@link #UNMAPPED}; no sum of the guest's numbers is made that could overflow.
 */
public final class GuestMemory {
    /** The answer for a range that is not wholly inside one region. No mapping begins at address zero. */
    public static final long UNMAPPED = 0;

    /** The most regions a guest may have; what QEMU and the kernel's vhost allow. */
    public static final int MAX_REGIONS = 509;

    /** Memory of a guest that has offered none. */
    public static final GuestMemory NONE = new GuestMemory(List.of());

    private final List<MemoryRegion> regions;
    private final long[] guestStarts;
    private final long[] sizes;
    private final long[] hostStarts;
    /** The regions by ascending address in this process. */
    private final int[] byHost;
    private final Iotlb iotlb;
    private final IncomingMemory incoming;

    private GuestMemory(final GuestMemory other, final Iotlb iotlb, final IncomingMemory incoming) {
        regions = other.regions;
        guestStarts = other.guestStarts;
        sizes = other.sizes;
        hostStarts = other.hostStarts;
        byHost = other.byHost;
        this.iotlb = iotlb;
        this.incoming = incoming;
    }

    private GuestMemory(final List<MemoryRegion> regions) {
        this.regions = regions.stream().sorted((a, b) -> Long.compareUnsigned(a.guestAddress(), b.guestAddress())).toList();
        final int n = regions.size();
        guestStarts = new long[n];
        sizes = new long[n];
        hostStarts = new long[n];
        for (int i = 0; i < n; i++) {
            guestStarts[i] = this.regions.get(i).guestAddress();
            sizes[i] = this.regions.get(i).size();
            hostStarts[i] = this.regions.get(i).hostAddress();
        }
        byHost = IntStream.range(0, n).boxed().sorted(Comparator.comparingLong(i -> hostStarts[i])).mapToInt(i -> i).toArray();
        iotlb = null;
        incoming = null;
    }

    /**
     * Makes a table of regions.
     *
     * @throws MemoryException when two of them overlap, or there are more than {@link #MAX_REGIONS}
     */
    public static GuestMemory of(final List<MemoryRegion> regions) {
        if (regions.size() > MAX_REGIONS) {
            throw new MemoryException(regions.size() + " memory regions; at most " + MAX_REGIONS + " are allowed");
        }
        for (int i = 0; i < regions.size(); i++) {
            for (int j = 0; j < i; j++) {
                if (regions.get(i).overlaps(regions.get(j))) {
                    throw new MemoryException("memory region " + i + " at guest address 0x"
                        + Long.toHexString(regions.get(i).guestAddress()) + " overlaps region " + j);
                }
            }
        }
        return new GuestMemory(regions);
    }

    /** The same memory as a device behind an IOMMU finds it; with null, as one that is behind none. */
    public GuestMemory through(final Iotlb translations) {
        return new GuestMemory(this, translations, incoming);
    }

    /** The same memory while it is on its way; with null, all there. */
    public GuestMemory arriving(final IncomingMemory pages) {
        return new GuestMemory(this, iotlb, pages);
    }

    /** Which pages have come of memory that is still on its way; null where all have. */
    public IncomingMemory incoming() {
        return incoming;
    }

    /** What is known of the addresses that the driver gives; null where those are guest addresses, as all here that are called so. */
    public Iotlb iotlb() {
        return iotlb;
    }

    /** The regions, by ascending guest address. */
    public List<MemoryRegion> regions() {
        return regions;
    }

    /** The number of the region that holds a guest address, or -1. */
    public int find(final long guestAddress) {
        int low = 0;
        int high = sizes.length - 1;
        while (low <= high) {
            final int middle = (low + high) >>> 1;
            if (Long.compareUnsigned(guestAddress - guestStarts[middle], sizes[middle]) < 0) {
                return middle;
            }
            if (Long.compareUnsigned(guestAddress, guestStarts[middle]) < 0) {
                high = middle - 1;
            } else {
                low = middle + 1;
            }
        }
        return -1;
    }

    /** The number of the region that holds an address of this process, or -1: the way back of {@link #translate}. */
    public int findHost(final long hostAddress) {
        int low = 0;
        int high = byHost.length - 1;
        while (low <= high) {
            final int middle = (low + high) >>> 1;
            final int region = byHost[middle];
            if (Long.compareUnsigned(hostAddress - hostStarts[region], sizes[region]) < 0) {
                return region;
            }
            if (hostAddress < hostStarts[region]) {
                high = middle - 1;
            } else {
                low = middle + 1;
            }
        }
        return -1;
    }

    /** The guest address at which a region begins. */
    public long guestStart(final int region) {
        return guestStarts[region];
    }

    /** Bytes of a region. */
    public long size(final int region) {
        return sizes[region];
    }

    /** Where a region begins in this process. */
    public long hostStart(final int region) {
        return hostStarts[region];
    }

    /**
     * Where a range of guest addresses is in this process.
     *
     * @return an address, or {@link #UNMAPPED} when the range is not wholly inside one region
     */
    public long translate(final long guestAddress, final long length) {
        final int region = find(guestAddress);
        if (region < 0) {
            return UNMAPPED;
        }
        final long offset = guestAddress - guestStarts[region];
        return length >= 0 && length <= sizes[region] - offset ? hostStarts[region] + offset : UNMAPPED;
    }

    /**
     * Where a range of the front-end's own addresses is in this process; ring addresses are given so.
     *
     * @return an address, or {@link #UNMAPPED} when the range is not wholly inside one region
     */
    public long translateUser(final long userAddress, final long length) {
        for (final MemoryRegion region : regions) {
            final long offset = userAddress - region.userAddress();
            if (Long.compareUnsigned(offset, region.size()) < 0) {
                return length >= 0 && length <= region.size() - offset ? region.hostAddress() + offset : UNMAPPED;
            }
        }
        return UNMAPPED;
    }

    /** How many bytes of the front-end's own addresses, from this one on, lie in the region that holds it; 0 where none does. */
    public long userExtent(final long userAddress) {
        for (final MemoryRegion region : regions) {
            final long offset = userAddress - region.userAddress();
            if (Long.compareUnsigned(offset, region.size()) < 0) {
                return region.size() - offset;
            }
        }
        return 0;
    }

    /** What the guest calls an address of this process that is in one of the regions. */
    public long guestAddress(final long hostAddress) {
        final int region = findHost(hostAddress);
        return hostAddress - hostStarts[region] + guestStarts[region];
    }

    /** Where in the regions' files an address of this process is, or null where no region is there. */
    public FilePlace filePlace(final long hostAddress) {
        for (final MemoryRegion region : regions) {
            if (Long.compareUnsigned(hostAddress - region.hostAddress(), region.size()) < 0) {
                return region.filePlace(hostAddress);
            }
        }
        return null;
    }

    /** Whether every region's file still covers it. Costs a system call a region: for use after a fault, not before an access. */
    public boolean intact() {
        for (final MemoryRegion region : regions) {
            if (!region.intact()) {
                return false;
            }
        }
        return true;
    }

    /** Whether a system call has truncated, extended or written any region's file since it was mapped. */
    public boolean fileWasChanged() {
        for (final MemoryRegion region : regions) {
            if (region.fileWasChanged()) {
                return true;
            }
        }
        return false;
    }
}
