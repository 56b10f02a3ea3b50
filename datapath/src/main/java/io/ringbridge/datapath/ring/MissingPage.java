package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.memory.IncomingMemory;

/**
 * Which page a ring waits for, of a guest whose memory is still on its way (vhost-user, "Migration", postcopy).
 *
 * <p>A page is asked for once, until {@link #came} says that whoever was asked is done. Owned by the ring's worker.
 */
public final class MissingPage {
    private final IncomingMemory incoming;
    private long address;
    private boolean lacking;
    private boolean asked;

    private MissingPage(final IncomingMemory incoming) {
        this.incoming = incoming;
    }

    /** What a ring needs in this memory; null where that is all there. */
    static MissingPage of(final IncomingMemory incoming) {
        return incoming == null ? null : new MissingPage(incoming);
    }

    /** Begins to look at something that needs pages. */
    void begin() {
        lacking = false;
    }

    /** How many bytes are there in a row, up to some, from an address of this process on; where there is none, that is noted. */
    long extent(final long from) {
        final long extent = incoming.extent(from);
        if (extent == 0 && !lacking) { // one at a time, from the front
            lacking = true;
            asked &= from == address;
            address = from;
        }
        return extent;
    }

    /** Whether all of a range of this process's addresses is there; where it is not, that is noted. */
    boolean holds(final long from, final long length) {
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

    /** Whether what was looked at last waits for a page. */
    boolean isLacking() {
        return lacking;
    }

    /** Asks for the page it waits for, if it was not asked for. */
    public void tell(final int vring) {
        if (lacking && !asked) {
            asked = true;
            incoming.ask(vring, address);
        }
    }

    /** Takes the page that was asked for as come; if it has not, it is asked for again. */
    public void came() {
        asked = false;
        lacking = false;
    }
}
