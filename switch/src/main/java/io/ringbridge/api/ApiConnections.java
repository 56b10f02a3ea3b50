package io.ringbridge.api;

import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.IdleTimeout;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;

/**
 * Limits the open connections, so that the next client always finds a free slot.
 *
 * <p>If there are too many, it closes connections that send nothing, never complete a request, or do not read their
 * answer. The connection that has been unused for longest is closed first. Any thread may call.
 */
final class ApiConnections implements Connection.Listener {
    /** Keeps clients from exhausting the file descriptors of the process, which ports need as well. */
    private static final int MAX_OPEN = 64;
    /** Keeps clients from exhausting the heap with unfinished bodies and unread answers. */
    private static final long MAX_HELD_BYTES = 32 << 20;

    /** Leaves connections for requests: a stream occupies its connection for as long as the client wants. */
    static final int MAX_STREAMS = 16;

    private final Semaphore streams = new Semaphore(MAX_STREAMS);
    private final Map<Connection, Use> open = new LinkedHashMap<>();

    private enum Phase { WAITING, ACTING, ANSWERING }

    /**
     * The state of a connection.
     *
     * @param phase waiting for the rest of a request, executing it, or answering it
     * @param held the size of a body that the client has yet to send, or of an answer that it has yet to read, in bytes
     */
    private record Use(Phase phase, long held) {
        static final Use NONE = new Use(Phase.WAITING, 0);
    }

    @Override
    public void onOpened(final Connection connection) {
        use(connection, Use.NONE);
        closeWhile(() -> open.size() > MAX_OPEN, () -> firstWaiting(connection));
    }

    @Override
    public synchronized void onClosed(final Connection connection) {
        open.remove(connection);
    }

    /** Records that a request is being executed: from now on the connection is not closed. */
    void acting(final Connection connection) {
        use(connection, new Use(Phase.ACTING, 0));
    }

    /** Records that the body of a request is about to be received. */
    void receiving(final Connection connection, final long bytes) {
        hold(connection, new Use(Phase.WAITING, bytes));
    }

    /** Records that an answer is about to be sent. */
    void answering(final Connection connection, final long bytes) {
        hold(connection, new Use(Phase.ANSWERING, bytes));
    }

    private void hold(final Connection connection, final Use use) {
        use(connection, use);
        closeWhile(() -> open.values().stream().mapToLong(Use::held).sum() > Math.max(use.held(), MAX_HELD_BYTES),
            this::longestHeld);
    }

    /** Records that the answer has been sent, or that sending it failed. */
    synchronized void answered(final Connection connection) {
        open.computeIfPresent(connection, (_, _) -> Use.NONE);
    }

    /** Whether a stream may begin. If so, {@link #streamed} has to be called after it. */
    boolean mayStream() {
        return streams.tryAcquire();
    }

    void streamed() {
        streams.release();
    }

    private synchronized void use(final Connection connection, final Use use) {
        open.remove(connection);
        open.put(connection, use);
    }

    private interface Condition {
        boolean holds();
    }

    private void closeWhile(final Condition tooMany, final Supplier<Optional<Connection>> next) {
        final List<Connection> surplus = new ArrayList<>();
        synchronized (this) {
            while (tooMany.holds()) {
                final Optional<Connection> closed = next.get();
                if (closed.isEmpty()) {
                    break;
                }
                open.remove(closed.get());
                surplus.add(closed.get());
            }
        }
        surplus.forEach(connection -> connection.getEndPoint().close());
    }

    /**
     * Returns the connection that has been without a complete request for longest, or else {@link #longestHeld}.
     * The newest connection is exempt, because its request may not have been read yet.
     */
    private Optional<Connection> firstWaiting(final Connection newest) {
        return open.entrySet().stream()
            .filter(each -> !each.getKey().equals(newest) && each.getValue().phase() == Phase.WAITING)
            .map(Map.Entry::getKey).findFirst().or(this::longestHeld);
    }

    /** Returns the connection whose body or answer has made no progress for longest. */
    private Optional<Connection> longestHeld() {
        return open.entrySet().stream().filter(each -> each.getValue().held() > 0).map(Map.Entry::getKey)
            .reduce((a, b) -> idleMillis(b) > idleMillis(a) ? b : a);
    }

    /** Returns the time since a connection was last read or written; it is short if the client reads its answer. */
    private static long idleMillis(final Connection connection) {
        return connection.getEndPoint() instanceof final IdleTimeout endPoint ? endPoint.getIdleFor() : 0;
    }
}
