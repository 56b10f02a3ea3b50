package io.ringbridge.datapath.port;

/**
 * A silence of a port.
 *
 * @param start in nanoseconds of {@link System#nanoTime}, which the processes of a host share
 * @param nanos the length so far in nanoseconds
 * @param ongoing whether the silence has not ended
 */
public record Interruption(InterruptionCause cause, long start, long nanos, boolean ongoing) {
    /** Returns the silence with its length at a time, if it has not ended. */
    Interruption at(final long now) {
        return ongoing ? new Interruption(cause, start, now - start, true) : this;
    }

    /** Returns the silence as one that has ended. */
    Interruption ended() {
        return new Interruption(cause, start, nanos, false);
    }
}
