package io.ringbridge.app;

import io.ringbridge.api.EventControl;
import io.ringbridge.api.EventView;
import io.ringbridge.control.event.Event;
import io.ringbridge.control.event.Events;
import io.ringbridge.control.event.Subscription;
import org.jspecify.annotations.Nullable;

import java.time.Duration;

/** The events, for the API. Any thread may call. */
record EventFeed(Events events) implements EventControl {
    @Override
    public Feed follow() {
        return feed(events.subscribe());
    }

    @Override
    public Feed followAfter(final long id) {
        return feed(events.subscribeAfter(id));
    }

    private static Feed feed(final Subscription subscription) {
        return new Feed() {
            @Override
            public long last() {
                return subscription.last();
            }

            @Override
            public @Nullable EventView next(final Duration limit) throws InterruptedException {
                final Event event = subscription.next(limit);
                return event == null ? null : view(event);
            }
        };
    }

    private static EventView view(final Event event) {
        return new EventView(event.id(), event.time().toString(), event.kind().label(), event.port(), event.text(),
            event.details());
    }
}
