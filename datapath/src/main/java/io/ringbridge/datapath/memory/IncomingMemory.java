package io.ringbridge.datapath.memory;

import java.util.List;

/**
 * The memory of a guest that runs here already, while the rest of its memory is still on its way (vhost-user, "Migration", postcopy):
 * which pages have come, and whom to ask for the others.
 *
 * <p>Goes with a {@link GuestMemory} of the same regions, and is as immutable.
 */
public final class IncomingMemory {
    private final IncomingRegion[] regions;
    private final Requests requests;

    /** Takes what is asked for; called by workers, which it may not hold up. */
    @FunctionalInterface
    public interface Requests {
        /**
         * A ring needs a page.
         *
         * @param vring the ring's index
         * @param address of this process, somewhere in the page
         */
        void missing(int vring, long address);
    }

    public IncomingMemory(final List<IncomingRegion> regions, final Requests requests) {
        this.regions = regions.toArray(IncomingRegion[]::new);
        this.requests = requests;
    }

    /**
     * How many bytes are there in a row, up to some, from an address of this process on; 0 when its page has not come, or is in no region.
     */
    public long extent(final long address) {
        final IncomingRegion region = find(address);
        return region == null ? 0 : region.extent(address - region.region().hostAddress());
    }

    private IncomingRegion find(final long address) {
        for (final IncomingRegion region : regions) {
            if (Long.compareUnsigned(address - region.region().hostAddress(), region.region().size()) < 0) {
                return region;
            }
        }
        return null;
    }

    /** Asks for a page on a ring's behalf. */
    public void ask(final int vring, final long address) {
        requests.missing(vring, address);
    }

    /**
     * Waits for a page.
     *
     * @return false when it is not to be had
     */
    public boolean fetch(final long address) {
        final IncomingRegion region = find(address);
        return region == null || region.fetch(address - region.region().hostAddress());
    }
}
