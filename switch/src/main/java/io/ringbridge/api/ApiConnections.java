package io.ringbridge.api;

import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.IdleTimeout;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Keeps a slot free for the next client, whatever those before it do or leave undone: connections that send nothing,
 * never end a request, or do not read their answer are closed, the longest unused first, when there are too many of
 * them. Any thread may call in.
 */
final class ApiConnections implements Connection.Listener {
    /** So that no client can exhaust the descriptors of the process, which ports need as well. */
    private static final int MAX_OPEN = 64;
    /** So that no client can exhaust the heap with answers that it does not read. */
    private static final long MAX_UNREAD_BYTES = 32 << 20;

    private final Map<Connection, Use> open = new LinkedHashMap<>();

    /** What a connection does: its request is being carried out, or so many bytes of an answer wait to be read. */
    private record Use(boolean acting, long unread) {
        static final Use NONE = new Use(false, 0);
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

    /** Notes that a request has come, and is carried out: from now on the connection is not closed. */
    void acting(final Connection connection) {
        use(connection, new Use(true, 0));
    }

    /** Notes that an answer is about to be sent. */
    void answering(final Connection connection, final long bytes) {
        use(connection, new Use(false, bytes));
        closeWhile(() -> open.values().stream().mapToLong(Use::unread).sum() > Math.max(bytes, MAX_UNREAD_BYTES),
            this::longestUnread);
    }

    /** Notes that the answer is sent, or cannot be. */
    synchronized void answered(final Connection connection) {
        open.computeIfPresent(connection, (_, _) -> Use.NONE);
    }

    private synchronized void use(final Connection connection, final Use use) {
        open.remove(connection);
        open.put(connection, use);
    }

    private interface Condition {
        boolean holds();
    }

    private void closeWhile(final Condition tooMany, final Supplier<Connection> next) {
        final List<Connection> surplus = new ArrayList<>();
        synchronized (this) {
            while (tooMany.holds()) {
                final Connection closed = next.get();
                if (closed == null) {
                    break;
                }
                open.remove(closed);
                surplus.add(closed);
            }
        }
        surplus.forEach(connection -> connection.getEndPoint().close());
    }

    /**
     * Returns the connection that has been without a complete request for longest, but never the newest: its request
     * may not have been read yet. If there is none, one that does not read its answer.
     */
    private Connection firstWaiting(final Connection newest) {
        return open.entrySet().stream().filter(each -> !each.getKey().equals(newest) && each.getValue().equals(Use.NONE))
            .map(Map.Entry::getKey).findFirst().orElseGet(this::longestUnread);
    }

    /** Returns the connection whose answer waits to be read and has made no progress for longest, or null. */
    private Connection longestUnread() {
        return open.entrySet().stream().filter(each -> each.getValue().unread() > 0).map(Map.Entry::getKey)
            .reduce((a, b) -> idleMillis(b) > idleMillis(a) ? b : a).orElse(null);
    }

    /** For how long nothing has been read or written on a connection: one whose client reads its answer is spared. */
    private static long idleMillis(final Connection connection) {
        return connection.getEndPoint() instanceof final IdleTimeout endPoint ? endPoint.getIdleFor() : 0;
    }
}
