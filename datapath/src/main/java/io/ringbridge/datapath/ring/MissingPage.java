package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.IncomingMemory;
import org.jspecify.annotations.Nullable;

/**
 * The page of guest memory that a ring waits for during postcopy (vhost-user, "Migration").
 *
 * <p>A page is requested once. It may be requested again after {@link #arrived}. Owned by the ring's worker.
 */
public final class MissingPage {
    private final IncomingMemory incoming;
    private long address;
    private boolean missing;
    private boolean requested;

    private MissingPage(final IncomingMemory incoming) {
        this.incoming = incoming;
    }

    /** Creates the state for a ring in this memory. Returns null if all memory is present. */
    static @Nullable MissingPage of(final @Nullable IncomingMemory incoming) {
        return incoming == null ? null : new MissingPage(incoming);
    }

    /** Prepares for the next object that needs pages. */
    void begin() {
        missing = false;
    }

    /**
     * Returns how many contiguous bytes have arrived from an address of this process on, up to a limit. If none has,
     * the page is recorded as missing.
     */
    long extent(final long from) {
        final long extent = incoming.extent(from);
        if (extent == 0 && !missing) { // only the first missing page is recorded
            missing = true;
            requested &= from == address;
            address = from;
        }
        return extent;
    }

    /** Whether a range of this process's addresses has arrived. If not, the first missing page is recorded. */
    boolean isPresent(final long from, final long length) {
        long done = 0;
        while (done < length) {
            final long extent = extent(from + done);
            if (extent == 0) {
                return false;
            }
            done += extent;
        }
        return true;
    }

    /** Whether the object checked last waits for a page. */
    boolean isMissing() {
        return missing;
    }

    /** Requests the missing page, unless it was requested already. */
    public void request(final int vring) {
        if (missing && !requested) {
            requested = true;
            incoming.ask(vring, address);
        }
    }

    /** Assumes that the requested page has arrived. If it has not, it will be requested again. */
    public void arrived() {
        requested = false;
        missing = false;
    }
}
