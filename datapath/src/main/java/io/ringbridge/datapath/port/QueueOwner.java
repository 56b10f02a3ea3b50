package io.ringbridge.datapath.port;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Whoever owns queues, as their port sees it: a worker, which may be another one by and by. Callable from any thread but a worker's own,
 * but where something else is said. Queues have the same owner for good that were given the same.
 */
public interface QueueOwner {
    /** Its number. */
    int index();

    /** Runs a command on the worker's thread between two bursts, and returns when it is done. What it throws is thrown here. */
    void execute(Runnable command);

    /** Returns once a condition, asked on the worker's thread between two bursts, holds. */
    default void await(final BooleanSupplier condition) {
        final boolean[] holds = new boolean[1];
        execute(() -> holds[0] = condition.getAsBoolean());
        while (!holds[0]) {
            LockSupport.parkNanos(20_000);
            execute(() -> holds[0] = condition.getAsBoolean());
        }
    }

    /** Begins to poll a transmit queue. On the worker's thread. */
    void add(TransmitQueue queue);

    /** Ceases to poll a transmit queue. On the worker's thread. */
    void remove(TransmitQueue queue);

    /** Begins to poll an uplink's queue. On the worker's thread. */
    void add(UplinkQueue queue);

    /** Ceases to poll an uplink's queue. On the worker's thread. */
    void remove(UplinkQueue queue);
}
