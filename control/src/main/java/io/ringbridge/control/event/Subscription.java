package io.ringbridge.control.event;

import org.jspecify.annotations.Nullable;

import java.time.Duration;

/** The position of one reader in the {@link Events}. Owned by one thread. */
public final class Subscription {
    private final Events events;
    private long position;

    Subscription(final Events events, final long position) {
        this.events = events;
        this.position = position;
    }

    /** Returns the ID of the event before the next one, from which another subscription can continue. */
    public long last() {
        return position - 1;
    }

    /**
     * Waits for the next event.
     *
     * @return null if there was none within the limit
     */
    public @Nullable Event next(final Duration limit) throws InterruptedException {
        final Event event = events.await(position, limit);
        if (event != null) {
            position = event.id() + 1;
        }
        return event;
    }
}
