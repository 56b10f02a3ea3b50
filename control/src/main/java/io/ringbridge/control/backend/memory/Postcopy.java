package io.ringbridge.control.backend.memory;

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
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Postcopy in one session: the guest runs here before all of its memory has arrived (vhost-user, "Migration",
 * postcopy).
 *
 * <pre>
 *          ADVISE               LISTEN           memory, rings, traffic       END
 *   ALL THERE -----> ADVISED ---------> LISTENING ------------------------------> ALL THERE
 *       ^               |
 *       +---------------+  memory without LISTEN: the migration ended before postcopy was needed
 * </pre>
 *
 * <p>Owned by the session's thread.
 */
public final class Postcopy implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Postcopy.class);

    private final GuestPort port;
    private final Map<MemoryRegion, IncomingRegion> watched = new HashMap<>();
    private boolean everAdvised;
    private boolean listening;
    /** Reports missing pages to the front-end; null while none may be missing. */
    private @Nullable Userfault faults;
    /** Fetches missing pages; null unless listening. */
    private @Nullable PageFetcher fetcher;

    public Postcopy(final GuestPort port) {
        this.port = port;
    }

    /** Returns the protocol features of an offer, without PAGEFAULT if the system does not permit it. */
    public static long permitted(final String port, final long offer) {
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

    /** Whether a migration in which pages may be missing is announced or under way. */
    public boolean isAdvised() {
        return faults != null;
    }

    /** Whether pages of memory shared now may be missing. */
    boolean isListening() {
        return listening;
    }

    /**
     * Serves POSTCOPY_ADVISE. QEMU sends one per queue pair of a device, and starts the pairs in the same order.
     * Missing pages are reported to the first pair's descriptor, so that QEMU knows the pair's memory when the pair
     * runs.
     *
     * @return the descriptor for the front-end, which the caller owns; empty if none can be created
     */
    public int[] advise() {
        try {
            if (faults != null) {
                try (Userfault another = Userfault.open()) {
                    return new int[] {Fd.duplicate(another.fd())};
                }
            }
            final Userfault first = Userfault.open();
            faults = first;
            everAdvised = true;
            return new int[] {Fd.duplicate(first.fd())};
        } catch (final OsException e) {
            LOG.error("port {}: cannot migrate by postcopy: {}", port.name(), e.getMessage());
            return new int[0];
        }
    }

    /** Serves POSTCOPY_LISTEN. */
    void listen(final boolean hasMemory) {
        if (faults == null) {
            throw ProtocolException.refused("POSTCOPY_ADVISE must precede POSTCOPY_LISTEN");
        }
        if (isListening()) {
            return; // sent for another queue pair
        }
        if (hasMemory) {
            throw ProtocolException.refused("memory was shared before POSTCOPY_LISTEN; it must be shared after");
        }
        fetcher = new PageFetcher(port);
        listening = true;
        LOG.info("port {}: postcopy: the guest runs while its memory arrives", port.name());
    }

    /** Cancels an announced migration, because the guest's memory arrives whole. */
    void cancelAdvice() {
        if (!isListening()) {
            close();
        }
    }

    /**
     * Starts to report missing pages of a region to the front-end.
     *
     * @return the start of the region, in the addresses that are reported
     */
    long watch(final MemoryRegion region) {
        final Userfault reports = faults;
        assert reports != null : "postcopy is announced";
        return watched.computeIfAbsent(region, added -> IncomingRegion.watch(added, reports)).watchedAddress();
    }

    /** Stops watching a region that is about to be unmapped. */
    void unwatch(final MemoryRegion region) {
        final IncomingRegion gone = watched.remove(region);
        if (gone != null) {
            gone.close();
        }
    }

    /** Returns the memory, with the state of its pages while some may be missing. */
    GuestMemory arriving(final GuestMemory memory) {
        if (!isListening()) {
            return memory;
        }
        final List<IncomingRegion> regions =
            memory.regions().stream().map(watched::get).filter(Objects::nonNull).toList();
        assert fetcher != null : "pages may be missing";
        final IncomingMemory incoming = new IncomingMemory(regions, fetcher);
        fetcher.memory(incoming);
        return memory.withIncoming(incoming);
    }

    /**
     * Serves POSTCOPY_END: no page is missing any more. The workers have to stop looking for pages before
     * {@link #close}. QEMU sends one per queue pair.
     *
     * @param reinstall installs the memory in the workers without the state of its pages
     * @return false if no such migration was announced
     */
    boolean end(final Runnable reinstall) {
        final PageFetcher last = fetcher;
        if (listening) {
            listening = false;
            reinstall.run();
        }
        close();
        if (last != null) {
            LOG.info("port {}: postcopy: all of the guest's memory has arrived; waited for {} pages of it", port.name(),
                last.fetched());
        }
        return everAdvised;
    }

    /** Ends all waits for pages, and stops reporting missing pages. No worker may look for pages any more. */
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
