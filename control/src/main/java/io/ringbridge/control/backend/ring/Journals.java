package io.ringbridge.control.backend.ring;

import io.ringbridge.datapath.memory.FilePlace;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.ring.InflightRegion;
import io.ringbridge.datapath.ring.RingAddresses;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Path;
import java.util.BitSet;

/**
 * The journals of one session's packed rings: see {@link Journal}. The files remain when the session ends.
 *
 * <p>A journal is used if the front-end continues as if the ring had not moved. QEMU does so if a back-end dies before
 * it is asked for the position, which a packed ring itself does not show. Owned by the session's thread.
 */
final class Journals implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Journals.class);

    private final String port;
    private final @Nullable Path directory;
    private final @Nullable Journal[] journals;
    /** The vrings whose journals become void once the reply has been sent. */
    private final BitSet stopped = new BitSet();

    /**
     * Prepares the journals of a port with that many vrings.
     *
     * @param directory created with the first journal; null for no journals
     */
    Journals(final String port, final @Nullable Path directory, final int vrings) {
        this.port = port;
        this.directory = directory;
        journals = new Journal[vrings];
    }

    /**
     * Starts to journal a ring that is about to start, or continues its journal. A record that is already right stays
     * unchanged, so that it is valid at any moment: a ring that is started again may wait long before it runs.
     *
     * @param hasRun whether the ring has run in this connection
     * @return the record of the ring's chains, which contains its position if that is known; null if the ring has no
     * journal
     */
    @Nullable InflightRegion begin(final VringSetup ring, final boolean hasRun, final RingAddresses at,
                         final GuestMemory memory) {
        if (directory == null) {
            return null;
        }
        close(ring.index());
        final Journal journal;
        try {
            PrivateDirectory.make(directory);
            journal = Journal.open(directory.resolve(port + "." + ring.index() + ".journal"), ring.size());
        } catch (final IOException e) {
            LOG.warn("port {}: vring {} runs without a journal: {}", port, ring.index(), e.getMessage());
            return null;
        }
        journals[ring.index()] = journal;
        final FilePlace place = place(at, memory);
        final boolean itsOwn = journal.isOf(place);
        // If only the front-end's position is known here, the journal may know a later one.
        if (itsOwn && (ring.base() == ring.frontEndBase() ? journal.isAheadOf(ring.frontEndBase(), at)
            : journal.records(ring.frontEndBase(), ring.base()))) {
            journal.recordFrontEndBase(ring.frontEndBase());
            if (!hasRun) {
                LOG.info("port {}: vring {} resumes at the position in its journal", port, ring.index());
            }
        } else {
            if (itsOwn && !hasRun) {
                LOG.info("port {}: vring {} resumes at the front-end's position {}; the ring contradicts its journal,"
                    + " which has {}", port, ring.index(), String.format("0x%08x", ring.frontEndBase()),
                    journal.description());
            }
            journal.begin(place, ring.frontEndBase(), ring.base());
        }
        return journal.region();
    }

    /**
     * Records that a ring has stopped. Its journal stays valid until {@link #onReplySent}, since the reply may be lost.
     */
    void onStopped(final int vring) {
        stopped.set(vring);
    }

    /** Makes the journals of stopped rings void, because the reply with their positions has been sent. */
    void onReplySent() {
        stopped.stream().forEach(this::invalidate);
        stopped.clear();
    }

    private void invalidate(final int vring) {
        final Journal journal = journals[vring];
        if (journal != null) {
            journal.invalidate();
        }
    }

    /** Records the new place of a running ring. */
    void move(final int vring, final RingAddresses at, final GuestMemory memory) {
        final Journal journal = journals[vring];
        if (journal != null) {
            journal.move(place(at, memory));
        }
    }

    private static FilePlace place(final RingAddresses at, final GuestMemory memory) {
        final FilePlace place = memory.filePlace(at.descriptors());
        assert place != null : "the ring is in the memory";
        return place;
    }

    private void close(final int vring) {
        final Journal journal = journals[vring];
        if (journal != null) {
            journal.close();
            journals[vring] = null;
        }
    }

    /** Unmaps all journals. Every ring must be stopped. */
    @Override
    public void close() {
        for (int i = 0; i < journals.length; i++) {
            close(i);
        }
    }
}
