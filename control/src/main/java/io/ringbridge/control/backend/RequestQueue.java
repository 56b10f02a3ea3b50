package io.ringbridge.control.backend;

import io.ringbridge.control.backend.ring.BackendChannel;
import io.ringbridge.control.backend.ring.Outgoing;
import io.ringbridge.datapath.os.EventFd;
import org.jspecify.annotations.Nullable;

import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.SequencedSet;
import java.util.function.Consumer;

/**
 * The requests that wait to be sent to a front-end: those that were posted, and those whose events are signalled. Equal
 * requests wait once, which bounds the queue.
 *
 * <p>Its {@linkplain ConnectedChannel channel} guards it. Any thread may signal an event.
 */
final class RequestQueue implements AutoCloseable {
    /** More requests than ever wait for a front-end that reads, however many rings it has. */
    static final int MAX_WAITING = 1024;

    private final SequencedSet<Outgoing> waiting = new LinkedHashSet<>();
    private final Map<BackendChannel.Source, EventFd> events = new HashMap<>();

    /** Adds a request. Drops it if too many wait. */
    void add(final Outgoing outgoing) {
        if (waiting.size() < MAX_WAITING) {
            waiting.add(outgoing);
        }
    }

    /** Adds a request that waited in another process, however many wait. */
    void restore(final Outgoing outgoing) {
        waiting.add(outgoing);
    }

    /**
     * Returns the event of a source, whose requests wait while the event is signalled.
     *
     * @param onCreation receives the event when it is new
     */
    EventFd event(final BackendChannel.Source source, final Consumer<EventFd> onCreation) {
        return events.computeIfAbsent(source, _ -> {
            final EventFd event = EventFd.create();
            onCreation.accept(event);
            return event;
        });
    }

    /** Removes and returns the oldest request; null if none waits. */
    @Nullable Outgoing poll() {
        if (waiting.isEmpty()) { // other events stay signalled, so that at most one request waits per source
            collectEvents();
        }
        return waiting.isEmpty() ? null : waiting.removeFirst();
    }

    private void collectEvents() {
        events.forEach((source, event) -> {
            final Outgoing outgoing = event.drain() ? source.next() : null;
            if (outgoing != null) {
                waiting.add(outgoing);
            }
        });
    }

    /** Returns all requests, the oldest first, including those whose events are signalled. */
    Collection<Outgoing> collectAll() {
        collectEvents();
        return Collections.unmodifiableCollection(waiting);
    }

    /** Whether no posted request waits. Ignores events. */
    boolean isEmpty() {
        return waiting.isEmpty();
    }

    /** Closes the events. No thread may use one any more. */
    @Override
    public void close() {
        events.values().forEach(EventFd::close);
    }
}
