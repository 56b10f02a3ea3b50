package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;

/** The events, as a stream of server-sent events (HTML, "Server-sent events"). */
final class EventsResource implements Resource {
    /** Each stream occupies a connection, and a virtual thread. */
    private static final int MAX_STREAMS = 16;
    /** Shorter than the time after which an unused connection is closed. */
    private static final Duration KEEP_ALIVE = Duration.ofSeconds(5);
    private static final String TYPE = "text/event-stream";
    private static final String LAST_EVENT_ID = "Last-Event-ID";
    private static final String AFTER = "after";
    private static final String PORT = "port";
    private static final int BAD_REQUEST = 400;
    private static final int UNAVAILABLE = 503;

    private final EventControl events;
    private final Semaphore streams = new Semaphore(MAX_STREAMS);

    EventsResource(final EventControl events) {
        this.events = events;
    }

    @Override
    public List<Route> routes() {
        return List.of(Route.get("/v1/events", this::follow).query(AFTER, PORT));
    }

    private Answer follow(final ApiRequest request) {
        final String last = request.header(LAST_EVENT_ID);
        final EventControl.Feed feed = last != null ? after(LAST_EVENT_ID, last)
            : request.parameter(AFTER) instanceof final String after ? after(AFTER, after) : events.follow();
        if (!streams.tryAcquire()) {
            throw new ApiException(UNAVAILABLE,
                "there are already " + MAX_STREAMS + " streams of events; end one of them first");
        }
        final String port = request.parameter(PORT);
        return Answer.of(new Answer.Stream(TYPE, out -> write(feed, port, out))).with("Cache-Control", "no-store")
            .then(streams::release);
    }

    private EventControl.Feed after(final String name, final String id) {
        if (!id.matches("\\d{1,18}")) {
            throw new ApiException(BAD_REQUEST, name + "=" + id + " is not the ID of an event; allowed: the ID of an "
                + "event that was read before, or 0 for all events that the switch has");
        }
        return events.followAfter(Long.parseLong(id));
    }

    private static void write(final EventControl.Feed feed, final @Nullable String port, final OutputStream out)
        throws IOException, InterruptedException {
        // Without data, it is not an event, but a client that loses the connection can continue from it.
        write("id: " + feed.last() + "\n\n", out);
        while (true) {
            final EventView event = feed.next(KEEP_ALIVE);
            if (event == null) {
                write(": keep-alive\n\n", out);
            } else if (port == null || event.port() == null || event.port().equals(port)) {
                write("id: " + event.id() + "\nevent: " + event.kind() + "\ndata: " + Json.write(event) + "\n\n", out);
            }
        }
    }

    private static void write(final String text, final OutputStream out) throws IOException {
        out.write(text.getBytes(StandardCharsets.UTF_8));
        out.flush();
    }
}
