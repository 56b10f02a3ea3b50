package io.ringbridge.api;

import java.util.List;

/** The operations of the API on the ports. Any thread may call. */
public interface PortControl {
    /** Returns the ports in the order in which they were added. */
    List<PortView> views();

    /**
     * Returns a port.
     *
     * @throws ApiException if there is no such port
     */
    PortView view(String name);

    /** Returns the queues of all ports. */
    List<QueueView> queues();

    /**
     * Adds a port and opens its socket.
     *
     * @param spec a JSON object, or the port as on the command line
     * @throws ApiException if the port is not allowed, or its socket cannot be opened
     * @throws io.ringbridge.config.ConfigException if the specification is malformed
     */
    PortView add(String spec);

    /**
     * Removes a port and its socket.
     *
     * @throws ApiException if there is no such port
     */
    void remove(String name);

    /**
     * Suspends a port until {@link #resume}, whichever front-ends attach meanwhile. Does nothing if the port is
     * suspended already.
     *
     * @throws ApiException if there is no such port
     */
    void suspend(String name);

    /**
     * Starts the counters of a port's view, and those of its queues, again from zero. Metrics keep their counts.
     *
     * @throws ApiException if there is no such port
     */
    void resetCounters(String name);

    /**
     * Reverts {@link #suspend}. The port runs unless its front-end or driver has suspended it as well.
     *
     * @throws ApiException if there is no such port
     */
    void resume(String name);
}
