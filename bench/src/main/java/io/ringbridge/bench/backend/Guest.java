package io.ringbridge.bench.backend;

import io.ringbridge.bench.machine.BenchException;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;
import io.ringbridge.datapath.driver.Receiver;
import io.ringbridge.datapath.driver.Transmitter;
import io.ringbridge.datapath.os.OsException;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A guest in this process, attached to a port, with running rings. Other threads may use its queues, but must end
 * before the guest is closed.
 */
public final class Guest implements AutoCloseable {
    private static final String NAME = "ringbridge-bench";
    private static final int HEADER = 12;
    private static final int LINE = 64;
    /**
     * Drivers use half a page per buffer if a frame may span several buffers. One cache line is added, because
     * otherwise the starts of all buffers would share a few sets of the caches.
     */
    private static final int MERGEABLE_BUFFER = 2048 + LINE;
    private static final long PAGE = 1 << 21;

    private final Frontend frontend;
    private final List<QueuePair> pairs;
    private final boolean hugePages;

    private Guest(final Frontend frontend, final List<QueuePair> pairs, final boolean hugePages) {
        this.frontend = frontend;
        this.pairs = pairs;
        this.hugePages = hugePages;
    }

    /**
     * Attaches a guest to a port.
     *
     * @param longest bytes of the longest frame that the guest can send and receive
     * @throws BenchException if the back-end does not offer the requested features or queue pairs
     */
    public static Guest attach(final Target target, final int port, final RingSpec rings, final int longest) {
        final Path socket = target.socket(port);
        final Frontend frontend = target.connect(port);
        try {
            final String refused = rings.refused(frontend.negotiate(rings.features()));
            if (refused != null) {
                throw new BenchException(refused + ": the back-end at " + socket + " does not offer it");
            }
            // Some back-ends report pairs, others rings. Only a number that is too small in either sense can be
            // refused.
            if (rings.pairs() > 1 && frontend.maxVrings() < rings.pairs()) {
                throw new BenchException("--pairs " + rings.pairs() + ": the back-end at " + socket + " has at most "
                    + frontend.maxVrings());
            }
            final QueueShape transmit = new QueueShape(rings.size(), aligned(longest + HEADER));
            final QueueShape receive = new QueueShape(rings.receiveSize(), rings.mergeable() ? MERGEABLE_BUFFER
                : transmit.bufferLength());
            final boolean hugePages = share(frontend, memory(rings, transmit, receive));
            final List<QueuePair> pairs = new ArrayList<>();
            for (int i = 0; i < rings.pairs(); i++) {
                pairs.add(frontend.addPair(transmit, receive));
            }
            frontend.start();
            return new Guest(frontend, pairs, hugePages);
        } catch (final IOException | ProtocolException e) {
            frontend.close();
            throw new BenchException("the back-end at " + socket + ": " + e.getMessage(), e);
        } catch (final RuntimeException e) {
            frontend.close();
            throw e;
        }
    }

    /**
     * Shares memory with the back-end. Uses huge pages, as fast guests do, or small pages if too few huge pages are
     * free.
     *
     * @return whether the pages are huge
     */
    private static boolean share(final Frontend frontend, final long bytes) throws IOException {
        GuestRam huge = null;
        try {
            huge = GuestRam.ofHugePages(NAME, bytes);
        } catch (OsException _) {
            // Falls back to small pages.
        }
        frontend.share(huge == null ? GuestRam.create(NAME, bytes) : huge);
        return huge != null;
    }

    private static int aligned(final int bytes) {
        return (bytes + LINE - 1) & -LINE;
    }

    private static long memory(final RingSpec rings, final QueueShape transmit, final QueueShape receive) {
        return (rings.pairs() * QueuePair.bytes(transmit, receive) + PAGE - 1) & -PAGE;
    }

    /** Returns the transmit queues, one per pair. */
    public List<Transmitter> transmitters() {
        return pairs.stream().map(QueuePair::transmitter).toList();
    }

    /** Returns the receive queues, one per pair. */
    public List<Receiver> receivers() {
        return pairs.stream().map(QueuePair::receiver).toList();
    }

    /** Whether the guest's memory is in huge pages. */
    public boolean hasHugePages() {
        return hugePages;
    }

    @Override
    public void close() {
        frontend.close();
    }
}
