package io.ringbridge.control.backend;

import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.control.protocol.ProtocolFeature;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.memory.IncomingMemory;
import io.ringbridge.datapath.memory.IncomingRegion;
import io.ringbridge.datapath.memory.MemoryRegion;
import io.ringbridge.datapath.os.Fd;
import io.ringbridge.datapath.os.OsException;
import io.ringbridge.datapath.os.Userfault;
import io.ringbridge.datapath.port.GuestPort;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A guest of one session that runs here before all of its memory has come (vhost-user, "Migration", postcopy).
 *
 * <pre>
 *          ADVISE               LISTEN           memory, rings, traffic       END
 *   ALL THERE -----> ADVISED ---------> LISTENING ------------------------------> ALL THERE
 *       ^               |
 *       +---------------+  memory that comes without LISTEN: the migration was done before it was needed
 * </pre>
 *
 * <p>Owned by the session's thread.
 */
final class Postcopy implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Postcopy.class);

    private final GuestPort port;
    private final Map<MemoryRegion, IncomingRegion> watched = new HashMap<>();
    private boolean everAdvised;
    private boolean listening;
    /** What tells the front-end of missing pages; null while none may be missing. */
    private Userfault faults;
    /** Waits for them; null but while the front-end listens for what is missing. */
    private PageFetcher fetcher;

    Postcopy(final GuestPort port) {
        this.port = port;
    }

    /** The protocol features of an offer but for this one, where the system does not permit it. */
    static long permitted(final String port, final long offer) {
        if (!ProtocolFeature.PAGEFAULT.in(offer)) {
            return offer;
        }
        final String problem = Userfault.problem();
        if (problem == null) {
            return offer;
        }
        LOG.error("port {}: postcopy is not offered: {}", port, problem);
        return offer & ~ProtocolFeature.PAGEFAULT.mask();
    }

    /** Whether a migration is announced, or under way, in which pages may be missing. */
    boolean isAdvised() {
        return faults != null;
    }

    /** Whether memory that comes now comes with pages missing. */
    boolean isListening() {
        return listening;
    }

    /**
     * POSTCOPY_ADVISE. QEMU sends one for each of a device's queue pairs, and starts them in the same order: it is told of missing pages by
     * the first, so that it knows where a pair's memory is when the pair runs.
     *
     * @return the descriptor that the front-end is to have, which is the caller's; empty where none can be made
     */
    int[] advise() {
        try {
            if (faults != null) {
                try (Userfault another = Userfault.open()) {
                    return new int[] {Fd.duplicate(another.fd())};
                }
            }
            faults = Userfault.open();
            everAdvised = true;
            return new int[] {Fd.duplicate(faults.fd())};
        } catch (final OsException e) {
            LOG.error("port {}: no migration by postcopy: {}", port.name(), e.getMessage());
            return new int[0];
        }
    }

    /** POSTCOPY_LISTEN. */
    void listen(final boolean hasMemory) {
        if (faults == null) {
            throw ProtocolException.refused("no POSTCOPY_ADVISE before it");
        }
        if (isListening()) {
            return; // another queue pair's
        }
        if (hasMemory) {
            throw ProtocolException.refused("memory was shared before it; it has to be shared after");
        }
        fetcher = new PageFetcher(port);
        listening = true;
        LOG.info("port {}: the guest's memory comes while it runs", port.name());
    }

    /** Takes what was announced for not needed: the guest's memory comes whole. */
    void lapse() {
        if (!isListening()) {
            close();
        }
    }

    /**
     * Has missing pages of a region told of.
     *
     * @return where the region is, in terms of what is told
     */
    long watch(final MemoryRegion region) {
        return watched.computeIfAbsent(region, added -> IncomingRegion.watch(added, faults)).watchedAddress();
    }

    /** Lets go of a region that is about to be unmapped. */
    void forget(final MemoryRegion region) {
        final IncomingRegion gone = watched.remove(region);
        if (gone != null) {
            gone.close();
        }
    }

    /** The same memory with what is known of its pages, while some may be missing. */
    GuestMemory over(final GuestMemory memory) {
        if (!isListening()) {
            return memory;
        }
        final List<IncomingRegion> regions = memory.regions().stream().map(watched::get).filter(Objects::nonNull).toList();
        final IncomingMemory incoming = new IncomingMemory(regions, fetcher);
        fetcher.memory(incoming);
        return memory.arriving(incoming);
    }

    /**
     * POSTCOPY_END: nothing is missing any more, which workers have to be told before {@link #close}. QEMU sends one for each queue
     * pair, too.
     *
     * @param retake makes workers take over the memory without what was known of its pages
     * @return false where nothing of the kind was announced
     */
    boolean end(final Runnable retake) {
        final PageFetcher last = fetcher;
        if (listening) {
            listening = false;
            retake.run();
        }
        close();
        if (last != null) {
            LOG.info("port {}: all of the guest's memory has come; {} pages of it were waited for", port.name(), last.fetched());
        }
        return everAdvised;
    }

    /** Lets whoever waits for a page go, and tells of none any more. No worker may look for pages. */
    @Override
    public void close() {
        listening = false;
        watched.values().forEach(IncomingRegion::stop);
        if (fetcher != null) {
            fetcher.close();
            fetcher = null;
        }
        watched.values().forEach(IncomingRegion::close);
        watched.clear();
        if (faults != null) {
            faults.close();
            faults = null;
        }
    }
}
