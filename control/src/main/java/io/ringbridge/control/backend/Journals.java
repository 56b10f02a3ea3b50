package io.ringbridge.control.backend;

import io.ringbridge.datapath.memory.FilePlace;
import io.ringbridge.datapath.memory.GuestMemory;
import io.ringbridge.datapath.ring.InflightRegion;
import io.ringbridge.datapath.ring.RingAddresses;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;

/**
 * The journals of one session's packed rings, which stay where they are when it ends: see {@link Journal}.
 *
 * <p>A journal counts where the front-end goes on as if the ring had not moved. That is what QEMU does when a back-end has gone without
 * being asked for the position, which a packed ring does not show. Owned by the session's thread.
 */
final class Journals implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Journals.class);

    private final String port;
    private final Path directory;
    private final Journal[] journals;
    /** Which are to become void, once the front-end has its answer. */
    private final BitSet told = new BitSet();

    /**
     * Makes the journals of a port with so many vrings.
     *
     * @param directory made with the first journal; null for no journals
     */
    Journals(final String port, final Path directory, final int vrings) {
        this.port = port;
        this.directory = directory;
        journals = new Journal[vrings];
    }

    /**
     * Begins to journal a ring that is about to start, or goes on where the journal has the ring stand. What is right already is left as it
     * is, so that it counts at any moment: a ring that is started again may wait long before it runs.
     *
     * @return where its chains are to be recorded, and where it stands if that is recorded already; null where nothing is journalled
     */
    InflightRegion begin(final Vring ring, final RingAddresses at, final GuestMemory memory) {
        if (directory == null) {
            return null;
        }
        close(ring.index);
        final Journal journal;
        try {
            Files.createDirectories(directory);
            journal = Journal.open(directory.resolve(port + "." + ring.index + ".journal"), ring.size);
        } catch (final IOException e) {
            LOG.warn("port {}: vring {} runs without a journal: {}", port, ring.index, e.getMessage());
            return null;
        }
        journals[ring.index] = journal;
        final FilePlace place = memory.filePlace(at.descriptors());
        final boolean itsOwn = journal.isOf(place);
        // Where the front-end's word is all that is known here the journal may know more.
        if (itsOwn && (ring.base == ring.told ? journal.tells(at, ring.told) : journal.stands(ring.told, ring.base))) {
            journal.told(ring.told);
            if (!ring.hasRun) {
                LOG.info("port {}: vring {} goes on where its journal has it", port, ring.index);
            }
        } else {
            if (itsOwn && !ring.hasRun) {
                LOG.info("port {}: vring {} goes on where its front-end has it, at {}; the ring is not as its journal has it: at {}",
                    port, ring.index, String.format("0x%08x", ring.told), journal.description());
            }
            journal.begin(place, ring.told, ring.base);
        }
        return journal.region();
    }

    /** A ring has stopped, and the front-end is about to hear where: its journal counts until {@link #answered}, as it may not hear it. */
    void stopped(final int vring) {
        told.set(vring);
    }

    /** The front-end has heard where rings stand that have {@link #stopped}: it knows better from now on. */
    void answered() {
        told.stream().filter(vring -> journals[vring] != null).forEach(vring -> journals[vring].end());
        told.clear();
    }

    /** Takes over another place of a ring that runs. */
    void moved(final int vring, final RingAddresses at, final GuestMemory memory) {
        if (journals[vring] != null) {
            journals[vring].moved(memory.filePlace(at.descriptors()));
        }
    }

    private void close(final int vring) {
        if (journals[vring] != null) {
            journals[vring].close();
            journals[vring] = null;
        }
    }

    /** Unmaps all; every ring has to be stopped. */
    @Override
    public void close() {
        for (int i = 0; i < journals.length; i++) {
            close(i);
        }
    }
}
