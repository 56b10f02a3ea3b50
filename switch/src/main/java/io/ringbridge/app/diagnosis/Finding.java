package io.ringbridge.app.diagnosis;

import org.jspecify.annotations.Nullable;

import java.time.Duration;
import java.util.Locale;

/**
 * A problem that keeps a port from working, and its remedy.
 *
 * @param kind the kind of problem
 * @param text a description for people, without the name of the port
 */
public record Finding(Kind kind, String text) {
    /** The kinds of problems. */
    public enum Kind {
        /** One address is used at two ports. */
        ADDRESS_MOVES(Duration.ZERO),
        /** The guest's memory is not shared with the switch. */
        MEMORY_NOT_SHARED(Duration.ZERO),
        /** Frames arrive, but the guest has no buffers for them. */
        NO_RECEIVE_BUFFERS(Duration.ZERO),
        /** No ring was started. The warning is delayed, because guests take a while to boot. */
        DRIVER_NOT_STARTED(Duration.ofSeconds(60)),
        /** No ring was enabled. */
        RINGS_NOT_ENABLED(Duration.ofSeconds(10)),
        /** The port is suspended. There is no warning, because the port was suspended on purpose. */
        SUSPENDED(null);

        private final @Nullable Duration patience;

        Kind(final @Nullable Duration patience) {
            this.patience = patience;
        }

        /** Returns the word for programs. */
        String label() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }

        /** Whether the problem deserves a warning after the given time. */
        boolean warnsAfter(final long lastedNanos) {
            return patience != null && lastedNanos >= patience.toNanos();
        }
    }
}
