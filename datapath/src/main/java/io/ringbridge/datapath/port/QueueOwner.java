package io.ringbridge.datapath.port;

import io.ringbridge.datapath.ring.Owner;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * The owner of queues, as their port sees it. It stands for a worker, which may change. Queues that were created with
 * the same owner always have the same worker. Any thread but a worker's own may call, unless a method's comment
 * differs.
 */
public interface QueueOwner extends Owner {
    /** Returns the number of the worker. */
    int index();

    /** Returns the time at which the worker's duty cycle started, in nanoseconds. On the worker's thread. */
    long cycleStart();

    /** Runs a command on the worker's thread between two bursts, and waits for it. Rethrows its exception, if any. */
    void execute(Runnable command);

    /** Waits until a condition is true. It is evaluated on the worker's thread between two bursts. */
    default void await(final BooleanSupplier condition) {
        final boolean[] holds = new boolean[1];
        execute(() -> holds[0] = condition.getAsBoolean());
        while (!holds[0]) {
            LockSupport.parkNanos(20_000);
            execute(() -> holds[0] = condition.getAsBoolean());
        }
    }

    /** Starts polling a transmit queue. On the worker's thread. */
    void add(TransmitQueue queue);

    /** Stops polling a transmit queue. On the worker's thread. */
    void remove(TransmitQueue queue);

    /** Starts polling a queue of an uplink. On the worker's thread. */
    void add(UplinkQueue queue);

    /** Stops polling a queue of an uplink. On the worker's thread. */
    void remove(UplinkQueue queue);
}
