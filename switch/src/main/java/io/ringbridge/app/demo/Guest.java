package io.ringbridge.app.demo;

import io.ringbridge.control.frontend.Frontend;
import io.ringbridge.control.frontend.QueuePair;

import java.io.IOException;
import java.nio.file.Path;

/** A guest with its own memory and one queue pair, attached to a port. */
final class Guest implements AutoCloseable {
    static final int RING_SIZE = 256;
    private static final long MEMORY = 4 << 20;
    private static final int BUFFER = 2048;

    private final Frontend frontend;
    private final QueuePair queues;

    private Guest(final Frontend frontend, final QueuePair queues) {
        this.frontend = frontend;
        this.queues = queues;
    }

    static Guest attach(final Path socket) throws IOException {
        return attach(socket, Frontend.DEFAULT_FEATURES);
    }

    /** Attaches a guest that negotiates those of the given virtio features that are offered. */
    static Guest attach(final Path socket, final long features) throws IOException {
        final Frontend frontend = Frontend.connect(socket);
        try {
            frontend.negotiate(features);
            frontend.share(MEMORY);
            final QueuePair queues = frontend.addPair(RING_SIZE, BUFFER);
            frontend.start();
            return new Guest(frontend, queues);
        } catch (final IOException | RuntimeException e) {
            frontend.close();
            throw e;
        }
    }

    QueuePair queues() {
        return queues;
    }

    @Override
    public void close() {
        frontend.close();
    }
}
