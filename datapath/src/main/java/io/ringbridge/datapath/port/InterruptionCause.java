package io.ringbridge.datapath.port;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/** The cause of a silence of a port: a time in which it moved no frames although it was to. */
public enum InterruptionCause {
    /** The operator suspended the port. */
    SUSPENDED_BY_OPERATOR,
    /** The front-end suspended the port. */
    SUSPENDED_BY_FRONT_END,
    /** The guest's driver suspended the port. */
    SUSPENDED_BY_DRIVER,
    /** The port moved to another process of the switch. */
    UPGRADE,
    /** The front-end or the device was gone. Ends when frames can move again. */
    RECONNECT,
    /** The front-end stopped all rings while it logged the guest's writes: the guest migrates. */
    MIGRATION,
    /** The front-end stopped all rings, as for a guest that restarts. */
    RINGS_STOPPED,
    /** The guest's memory table was replaced. */
    MEMORY_CHANGE,
    /** The port had failed. */
    FAILURE,
    /** The device had no carrier. */
    LINK_DOWN,
    /** The port's worker was busy with something else, or had no processor. */
    WORKER_STALL,
    /** The guest provided no receive buffers, and frames for it were dropped. */
    NO_BUFFERS;

    /** Returns the words for output. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Returns the cause with a label, if this version knows it. */
    public static Optional<InterruptionCause> of(final String label) {
        return Arrays.stream(values()).filter(cause -> cause.label().equals(label)).findFirst();
    }

    /** Returns the cause that a suspension is recorded under. */
    static InterruptionCause of(final SuspendCause cause) {
        return switch (cause) {
            case OPERATOR -> SUSPENDED_BY_OPERATOR;
            case FRONT_END -> SUSPENDED_BY_FRONT_END;
            case DRIVER -> SUSPENDED_BY_DRIVER;
            case UPGRADE -> UPGRADE;
        };
    }
}
