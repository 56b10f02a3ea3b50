package io.ringbridge.api;

import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.util.Callback;

/**
 * Discards the rest of a request once its answer is sent, and closes the connection.
 *
 * <p>A client that still writes its request when the connection is closed gets an error from the kernel, and may never
 * read the answer. The connection counts as idle meanwhile, so it is closed early if others need its place.
 */
final class Drain extends Callback.Nested implements Runnable {
    /** Clients that send more than this find the connection closed. */
    private static final long MAX_BYTES = 16 << 20;

    private final Request request;
    private long bytes;

    Drain(final Request request, final Callback callback) {
        super(callback);
        this.request = request;
    }

    /** Called once the answer is sent. */
    @Override
    public void succeeded() {
        run();
    }

    /** Discards everything that has arrived, and returns when more has to arrive first. */
    @Override
    public void run() {
        boolean done = false;
        while (!done) {
            final Content.Chunk chunk = request.read();
            if (chunk == null) {
                request.demand(this);
                return;
            }
            bytes += chunk.remaining();
            done = chunk.isLast() || Content.Chunk.isFailure(chunk) || bytes > MAX_BYTES;
            chunk.release();
        }
        super.succeeded();
        request.getConnectionMetaData().getConnection().getEndPoint().close();
    }
}
