package io.ringbridge.bench.backend;

import io.ringbridge.bench.harness.HarnessException;
import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.QueuePair;
import io.ringbridge.control.frontend.Receiver;
import io.ringbridge.control.frontend.Transmitter;
import io.ringbridge.control.protocol.ProtocolException;
import io.ringbridge.datapath.ring.RingAddresses;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A guest of this process on a port, with rings that run. Its queues may be used by other threads, which have to end before it does. */
public final class Guest implements AutoCloseable {
    /** What drivers use where a frame may lie over several buffers: half a page. */
    private static final int MERGEABLE_BUFFER = 2048;
    private static final int HEADER = 12;
    private static final int LINE = 64;
    /** What a pair needs beside rings and buffers: room to bring a frame together, and alignment. */
    private static final long EXTRA = 1 << 17;
    private static final long PAGE = 1 << 21;

    private final Frontend frontend;
    private final List<QueuePair> pairs;

    private Guest(final Frontend frontend, final List<QueuePair> pairs) {
        this.frontend = frontend;
        this.pairs = pairs;
    }

    /**
     * Attaches a guest to a port.
     *
     * @param longest frame it can send and receive
     * @throws HarnessException when the back-end cannot do what is asked for
     */
    public static Guest attach(final Target target, final int port, final RingSpec rings, final int longest) {
        final Path socket = target.socket(port);
        final Frontend frontend = target.connect(port);
        try {
            final String refused = rings.refused(frontend.negotiate(rings.features()));
            if (refused != null) {
                throw new HarnessException(refused + ": the back-end at " + socket + " does not offer it");
            }
            // Some back-ends count pairs where others count rings, so only what is too few in either sense can be refused.
            if (rings.pairs() > 1 && frontend.maxVrings() < rings.pairs()) {
                throw new HarnessException("--pairs " + rings.pairs() + ": the back-end at " + socket + " has " + frontend.maxVrings()
                    + " at the most");
            }
            final int transmit = aligned(longest + HEADER);
            final int receive = rings.mergeable() ? MERGEABLE_BUFFER : transmit;
            frontend.share(memory(rings, transmit + receive));
            final List<QueuePair> pairs = new ArrayList<>();
            for (int i = 0; i < rings.pairs(); i++) {
                pairs.add(frontend.addPair(rings.size(), transmit, receive));
            }
            frontend.start();
            return new Guest(frontend, pairs);
        } catch (final IOException | ProtocolException e) {
            frontend.close();
            throw new HarnessException("the back-end at " + socket + ": " + e.getMessage(), e);
        } catch (final RuntimeException e) {
            frontend.close();
            throw e;
        }
    }

    private static int aligned(final int bytes) {
        return (bytes + LINE - 1) & -LINE;
    }

    private static long memory(final RingSpec rings, final int buffers) {
        final int size = rings.size();
        final long ring = RingAddresses.descriptorBytes(size) + RingAddresses.driverBytes(size, rings.packed())
            + RingAddresses.deviceBytes(size, rings.packed());
        final long all = rings.pairs() * (2 * ring + (long) size * buffers + EXTRA);
        return (all + PAGE - 1) & -PAGE;
    }

    /** What it sends on, a queue a pair. */
    public List<Transmitter> transmitters() {
        return pairs.stream().map(QueuePair::transmitter).toList();
    }

    /** What it receives on, a queue a pair. */
    public List<Receiver> receivers() {
        return pairs.stream().map(QueuePair::receiver).toList();
    }

    @Override
    public void close() {
        frontend.close();
    }
}
