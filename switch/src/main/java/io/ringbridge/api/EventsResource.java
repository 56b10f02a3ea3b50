package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** The events, as a stream of server-sent events (HTML, "Server-sent events"). */
record EventsResource(EventControl events) implements Resource {
    /** Shorter than the time after which an unused connection is closed. */
    private static final Duration KEEP_ALIVE = Duration.ofSeconds(5);
    private static final String TYPE = "text/event-stream";
    private static final String LAST_EVENT_ID = "Last-Event-ID";
    private static final String AFTER = "after";
    private static final String PORT = "port";
    private static final String ID = "the ID of an event, or 0 for all events that the switch has";
    private static final int BAD_REQUEST = 400;

    @Override
    public List<Route> routes() {
        return List.of(Route.get("/v1/events", this::follow).query(AFTER, PORT).streaming());
    }

    private Answer follow(final ApiRequest request) {
        final EventControl.Feed feed = feed(request);
        final @Nullable String port = request.query().text(PORT, "the name of a port").orElse(null);
        return Answer.of(new Answer.Stream(TYPE, out -> write(feed, port, out))).with("Cache-Control", "no-store");
    }

    /** Returns the feed from the position that the request names: a client that lost its connection has a header. */
    private EventControl.Feed feed(final ApiRequest request) {
        final String last = request.header(LAST_EVENT_ID);
        if (last != null && !isId(last)) {
            throw new ApiException(BAD_REQUEST, LAST_EVENT_ID + ": \"" + last + "\" is not " + ID);
        }
        final Optional<String> after = request.query().text(AFTER, ID);
        after.filter(id -> !isId(id)).ifPresent(id -> {
            throw request.query().refused(AFTER, id, ID);
        });
        return Optional.ofNullable(last).or(() -> after).map(id -> events.followAfter(Long.parseLong(id)))
            .orElseGet(events::follow);
    }

    private static boolean isId(final String text) {
        return text.matches("\\d{1,18}");
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
