package io.ringbridge.cli;

import io.ringbridge.api.ApiClient;
import io.ringbridge.api.ApiException;
import org.jspecify.annotations.Nullable;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/**
 * Reads the stream of events of a switch. If the stream ends, as it does in an upgrade, the reader connects again and
 * continues after the last event. Owned by one thread.
 */
final class EventReader {
    /** More than the new process of an upgrade takes to place its API socket. */
    private static final long RECONNECT_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    private final ApiClient client;
    private final @Nullable String port;
    /** The ID of the last event; null to begin with the next one. */
    private @Nullable String last;
    private long lostAt;

    EventReader(final ApiClient client, final @Nullable String port, final boolean all) {
        this.client = client;
        this.port = port;
        last = all ? "0" : null;
    }

    /**
     * Reads until the consumer has enough.
     *
     * @param consumer takes the JSON of an event, and returns whether to continue
     * @throws ApiException if the switch does not answer, or has ended
     */
    void run(final Predicate<String> consumer) {
        boolean connected = false;
        while (true) {
            try {
                final boolean enough = client.lines(path(), "text/event-stream", line -> read(line, consumer));
                if (enough) {
                    return;
                }
                connected = true;
                lostAt = System.nanoTime();
            } catch (final ApiException e) {
                if (!connected || System.nanoTime() - lostAt > RECONNECT_NANOS) {
                    throw e;
                }
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    private String path() {
        final List<String> query = new ArrayList<>();
        if (last != null) {
            query.add("after=" + last);
        }
        if (port != null) {
            query.add("port=" + ApiClient.encoded(port));
        }
        return "/v1/events" + (query.isEmpty() ? "" : "?" + String.join("&", query));
    }

    /** Reads a line of the stream, and returns whether to continue. */
    private boolean read(final String line, final Predicate<String> consumer) {
        if (line.startsWith("id: ")) {
            last = line.substring("id: ".length());
        }
        return !line.startsWith("data: ") || consumer.test(line.substring("data: ".length()));
    }
}
