package io.ringbridge.control.frontend;

import io.ringbridge.datapath.driver.GuestRam;
import io.ringbridge.datapath.driver.QueuePair;
import io.ringbridge.datapath.driver.QueueShape;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A guest of this process on a back-end's socket: a front-end, memory of its own, and running queue pairs.
 * Attached and closed by one thread. Other threads may use its queues, but must have ended before it is closed.
 */
public final class Guest implements AutoCloseable {
    private final Frontend frontend;
    private final GuestRam ram;
    private final List<QueuePair> pairs;

    private Guest(final Frontend frontend, final GuestRam ram, final List<QueuePair> pairs) {
        this.frontend = frontend;
        this.ram = ram;
        this.pairs = pairs;
    }

    /** Attaches a guest with one pair of two queues of the same shape. */
    public static Guest attach(final Path socket, final long features, final QueueShape shape) throws IOException {
        return attach(socket, features, 1, shape, shape);
    }

    /**
     * Attaches a guest.
     *
     * @param features the virtio features to negotiate, as far as they are offered
     * @param pairs the number of queue pairs
     * @param transmitting the dimensions of each transmit queue
     * @param receiving the dimensions of each receive queue
     */
    public static Guest attach(final Path socket, final long features, final int pairs, final QueueShape transmitting,
                               final QueueShape receiving) throws IOException {
        final Frontend frontend = Frontend.connect(socket);
        try {
            frontend.negotiate(features);
            final GuestRam ram = frontend.share(pairs * QueuePair.bytes(transmitting, receiving));
            final List<QueuePair> queues = new ArrayList<>();
            for (int i = 0; i < pairs; i++) {
                queues.add(frontend.addPair(transmitting, receiving));
            }
            frontend.start();
            return new Guest(frontend, ram, queues);
        } catch (final IOException | RuntimeException e) {
            frontend.close();
            throw e;
        }
    }

    /** Returns the guest's front-end, which this object still owns. */
    public Frontend frontend() {
        return frontend;
    }

    /** Returns the guest's memory, which the front-end owns. */
    public GuestRam ram() {
        return ram;
    }

    /** Returns the first queue pair. */
    public QueuePair queues() {
        return pairs.getFirst();
    }

    /** Returns all queue pairs. */
    public List<QueuePair> pairs() {
        return pairs;
    }

    /** Ends the connection and frees the guest's memory. */
    @Override
    public void close() {
        frontend.close();
    }
}
