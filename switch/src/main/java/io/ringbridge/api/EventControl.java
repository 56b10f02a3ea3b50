package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

import java.time.Duration;

/** The operations of the API on events. Any thread may call. */
public interface EventControl {
    /** Follows the events from now on. */
    Feed follow();

    /**
     * Follows the events after one.
     *
     * @param id the ID of that event; 0 for all events that the switch still has
     */
    Feed followAfter(long id);

    /** The position of one reader. Owned by one thread. */
    interface Feed {
        /** Returns the ID of the event before the next one, from which another feed can continue. */
        long last();

        /**
         * Waits for the next event.
         *
         * @return null if there was none within the limit
         */
        @Nullable EventView next(Duration limit) throws InterruptedException;
    }
}
