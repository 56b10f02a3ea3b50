package io.ringbridge.datapath.memory;

import org.jspecify.annotations.Nullable;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The regions of one guest's memory, and the translation of its addresses.
 *
 * <p>Immutable: a change of regions creates a new object, which the workers adopt between two bursts. A translation
 * covers the whole range, or is {@link #UNMAPPED}. No arithmetic on the guest's numbers can overflow.
 */
public final class GuestMemory {
    /** The result for a range that is not entirely inside one region. No mapping starts at address 0. */
    public static final long UNMAPPED = 0;

    /** The most regions of a guest, as in QEMU and the kernel's vhost. */
    public static final int MAX_REGIONS = 509;

    /** The memory of a guest that has not offered any. */
    public static final GuestMemory NONE = new GuestMemory(List.of());

    private final List<MemoryRegion> regions;
    private final long[] guestStarts;
    private final long[] sizes;
    private final long[] hostStarts;
    /** The indices of the regions, by ascending address in this process. */
    private final int[] byHost;
    private final @Nullable Iotlb iotlb;
    private final @Nullable IncomingMemory incoming;

    private GuestMemory(final GuestMemory other, final @Nullable Iotlb iotlb,
                        final @Nullable IncomingMemory incoming) {
        regions = other.regions;
        guestStarts = other.guestStarts;
        sizes = other.sizes;
        hostStarts = other.hostStarts;
        byHost = other.byHost;
        this.iotlb = iotlb;
        this.incoming = incoming;
    }

    private GuestMemory(final List<MemoryRegion> regions) {
        this.regions = regions.stream()
            .sorted((a, b) -> Long.compareUnsigned(a.guestAddress(), b.guestAddress())).toList();
        final int n = regions.size();
        guestStarts = new long[n];
        sizes = new long[n];
        hostStarts = new long[n];
        for (int i = 0; i < n; i++) {
            guestStarts[i] = this.regions.get(i).guestAddress();
            sizes[i] = this.regions.get(i).size();
            hostStarts[i] = this.regions.get(i).hostAddress();
        }
        byHost = IntStream.range(0, n).boxed().sorted(Comparator.comparingLong(i -> hostStarts[i])).mapToInt(i -> i)
            .toArray();
        iotlb = null;
        incoming = null;
    }

    /**
     * Creates the memory that consists of these regions.
     *
     * @throws MemoryException if two regions overlap, or there are more than {@link #MAX_REGIONS}
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

    /** Returns this memory behind an IOMMU with these translations, or not behind an IOMMU if they are null. */
    public GuestMemory withTranslations(final @Nullable Iotlb translations) {
        return new GuestMemory(this, translations, incoming);
    }

    /** Returns this memory while its pages are still arriving, or with all pages present if {@code pages} is null. */
    public GuestMemory withIncoming(final @Nullable IncomingMemory pages) {
        return new GuestMemory(this, iotlb, pages);
    }

    /** Returns the state of memory whose pages are still arriving, or null if all pages are present. */
    public @Nullable IncomingMemory incoming() {
        return incoming;
    }

    /** Returns the translations of the driver's addresses, or null if the driver uses guest addresses. */
    public @Nullable Iotlb iotlb() {
        return iotlb;
    }

    /** Returns the regions, by ascending guest address. */
    public List<MemoryRegion> regions() {
        return regions;
    }

    /** Returns the index of the region that contains a guest address, or -1. */
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

    /** Returns the index of the region that contains an address of this process, or -1. */
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

    /** Returns the guest address of a region's start. */
    public long guestStart(final int region) {
        return guestStarts[region];
    }

    /** Returns the bytes of a region. */
    public long size(final int region) {
        return sizes[region];
    }

    /** Returns the address of a region's start in this process. */
    public long hostStart(final int region) {
        return hostStarts[region];
    }

    /**
     * Translates a range of guest addresses to this process.
     *
     * @return an address, or {@link #UNMAPPED} if the range is not entirely inside one region
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
     * Translates a range of the front-end's own addresses to this process. Ring addresses are of this kind.
     *
     * @return an address, or {@link #UNMAPPED} if the range is not entirely inside one region
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

    /** Returns the bytes from an address of the front-end to the end of its region, or 0 if no region contains it. */
    public long userExtent(final long userAddress) {
        for (final MemoryRegion region : regions) {
            final long offset = userAddress - region.userAddress();
            if (Long.compareUnsigned(offset, region.size()) < 0) {
                return region.size() - offset;
            }
        }
        return 0;
    }

    /** Returns the guest address for an address of this process, which must be in one of the regions. */
    public long guestAddress(final long hostAddress) {
        final int region = findHost(hostAddress);
        return hostAddress - hostStarts[region] + guestStarts[region];
    }

    /** Returns the location in the regions' files of an address of this process, or null if no region contains it. */
    public @Nullable FilePlace filePlace(final long hostAddress) {
        for (final MemoryRegion region : regions) {
            if (Long.compareUnsigned(hostAddress - region.hostAddress(), region.size()) < 0) {
                return region.filePlace(hostAddress);
            }
        }
        return null;
    }

    /**
     * Whether every region's file still covers the region. Costs one system call per region, so it is for use after a
     * fault, not before an access.
     */
    public boolean isIntact() {
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
