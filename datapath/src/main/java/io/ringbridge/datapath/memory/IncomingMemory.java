package io.ringbridge.datapath.memory;

import org.jspecify.annotations.Nullable;

import java.util.List;

/**
 * The memory of a guest that already runs on this host while its pages are still arriving (vhost-user, "Migration",
 * postcopy): the pages that are present, and the interface that requests the others.
 *
 * <p>Belongs to a {@link GuestMemory} of the same regions, and is immutable as well.
 */
public final class IncomingMemory {
    private final IncomingRegion[] regions;
    private final Requests requests;

    /** Receives requests for pages. Workers call it, so it must not block. */
    @FunctionalInterface
    public interface Requests {
        /**
         * Requests a page for a ring.
         *
         * @param vring the ring's index
         * @param address an address of this process, anywhere in the page
         */
        void missing(int vring, long address);
    }

    public IncomingMemory(final List<IncomingRegion> regions, final Requests requests) {
        this.regions = regions.toArray(IncomingRegion[]::new);
        this.requests = requests;
    }

    /**
     * Returns the number of contiguous bytes that are present from an address of this process on, up to a limit. The
     * number is 0 if the address is in a page that has not arrived, or in no region.
     */
    public long extent(final long address) {
        final IncomingRegion region = find(address);
        return region == null ? 0 : region.extent(address - region.region().hostAddress());
    }

    private @Nullable IncomingRegion find(final long address) {
        for (final IncomingRegion region : regions) {
            if (Long.compareUnsigned(address - region.region().hostAddress(), region.region().size()) < 0) {
                return region;
            }
        }
        return null;
    }

    /** Requests the page of an address for a ring. */
    public void ask(final int vring, final long address) {
        requests.missing(vring, address);
    }

    /**
     * Waits for the page of an address.
     *
     * @return false if the page cannot be obtained
     */
    public boolean fetch(final long address) {
        final IncomingRegion region = find(address);
        return region == null || region.fetch(address - region.region().hostAddress());
    }
}
