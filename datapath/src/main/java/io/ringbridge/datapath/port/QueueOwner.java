package io.ringbridge.datapath.port;

import java.util.function.BooleanSupplier;

/** The worker that owns queues, as their port sees it. Callable from any thread but the worker's own. */
public interface QueueOwner {
    /** Its number. */
    int index();

    /** Runs a command on the worker's thread between two bursts, and returns when it is done. What it throws is thrown here. */
    void execute(Runnable command);

    /** Returns once a condition, asked on the worker's thread between two bursts, holds. */
    void await(BooleanSupplier condition);

    /** Begins to poll a transmit queue. On the worker's thread. */
    void add(TransmitQueue queue);

    /** Ceases to poll a transmit queue. On the worker's thread. */
    void remove(TransmitQueue queue);
}
