package io.ringbridge.app.diagnosis;

import java.time.Duration;

/**
 * What keeps a port from working, and the remedy.
 *
 * @param kind what it is
 * @param text for people, without the port's name
 */
public record Finding(Kind kind, String text) {
    /** What can be wrong. */
    public enum Kind {
        /** One address is used at two ports. */
        ADDRESS_MOVES(Duration.ZERO),
        /** The guest's memory is not shared with the switch. */
        MEMORY_NOT_SHARED(Duration.ZERO),
        /** Frames come, and the guest has no buffers for them. */
        NO_RECEIVE_BUFFERS(Duration.ZERO),
        /** No ring was started. A guest takes a while to boot. */
        DRIVER_NOT_STARTED(Duration.ofSeconds(60)),
        /** No ring was enabled. */
        RINGS_NOT_ENABLED(Duration.ofSeconds(10)),
        /** It is suspended. Whoever suspended it knows. */
        SUSPENDED(null);

        private final Duration patience;

        Kind(final Duration patience) {
            this.patience = patience;
        }

        /** Whether it is worth a warning once it has lasted that long. */
        boolean warnsAfter(final long lastedNanos) {
            return patience != null && lastedNanos >= patience.toNanos();
        }
    }
}
