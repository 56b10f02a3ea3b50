package io.ringbridge.control.event;

import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Logs events, and keeps the last {@link #HISTORY} of them for subscribers. Any thread may call, except workers.
 *
 * <p>All subscribers read the same history, each at its own position. A reporter therefore never waits for a
 * subscriber. A subscriber that is too slow finds events overwritten, and reads an event of the kind
 * {@link EventKind#LOST} in their place.
 */
public final class Events {
    /** The number of events kept. */
    public static final int HISTORY = 1024;
    private static final Logger LOG = LoggerFactory.getLogger(Events.class);
    private static final long IDS_PER_MILLI = 1000;

    private final @Nullable Event[] history = new Event[HISTORY];
    private final long first = System.currentTimeMillis() * IDS_PER_MILLI; // beyond the IDs of an earlier process
    private long next = first;

    /** Returns the reporter of a port's events. */
    public PortEvents of(final String port) {
        return of(port, _ -> { });
    }

    /**
     * Returns the reporter of a port's events.
     *
     * @param listener receives each event on the thread that reports it, before any subscriber
     */
    public PortEvents of(final String port, final Consumer<Event> listener) {
        return new PortEvents(this, port, listener);
    }

    /** Reports an event of the whole switch. */
    public void report(final EventKind kind, final String text, final Map<String, Object> details) {
        report(kind, null, text, details, null);
    }

    /** Reports the failure of a worker; the log line has its cause. */
    public void workerFailed(final String worker, final String text, final @Nullable Throwable why) {
        report(EventKind.WORKER_FAILED, null, text, Map.of("worker", worker), why);
    }

    Event report(final EventKind kind, final @Nullable String port, final String text,
                 final Map<String, Object> details, final @Nullable Throwable why) {
        final Event event = add(kind, port, text, details);
        log(event, why);
        return event;
    }

    private synchronized Event add(final EventKind kind, final @Nullable String port, final String text,
                                   final Map<String, Object> details) {
        final Event event = new Event(next, Instant.now(), kind, port, text, details);
        history[place(next++)] = event;
        notifyAll();
        return event;
    }

    /** Logs an event, which is one of the arguments so that layouts and filters find it. */
    private static void log(final Event event, final @Nullable Throwable why) {
        final String message = event.port() == null ? "{}" : "port {}: {}";
        final @Nullable Object[] arguments = event.port() == null ? new @Nullable Object[] {event.text(), event, why}
            : new @Nullable Object[] {event.port(), event.text(), event, why};
        switch (event.kind().level()) {
            case ERROR -> LOG.error(message, arguments);
            case WARN -> LOG.warn(message, arguments);
            default -> LOG.info(message, arguments);
        }
    }

    /** Subscribes to the events from now on. */
    public synchronized Subscription subscribe() {
        return new Subscription(this, next);
    }

    /**
     * Subscribes to the events after one that was read before.
     *
     * @param id the ID of that event, which an earlier process may have assigned; 0 for all events that are kept
     */
    public synchronized Subscription subscribeAfter(final long id) {
        return new Subscription(this, Math.clamp(id + 1, first, next));
    }

    /**
     * Waits for the event at a position.
     *
     * @return the event, or an event of the kind {@link EventKind#LOST} if it was overwritten; null after the limit
     */
    synchronized @Nullable Event await(final long position, final Duration limit) throws InterruptedException {
        final long end = System.nanoTime() + limit.toNanos();
        for (long left = limit.toNanos(); position >= next && left > 0; left = end - System.nanoTime()) {
            TimeUnit.NANOSECONDS.timedWait(this, left);
        }
        final long oldest = Math.max(first, next - HISTORY);
        return position >= next ? null : position < oldest ? Event.lost(oldest - 1, oldest - position)
            : history[place(position)];
    }

    private static int place(final long id) {
        return (int) (id % HISTORY);
    }
}
