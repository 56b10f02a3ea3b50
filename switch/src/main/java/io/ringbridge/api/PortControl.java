package io.ringbridge.api;

import java.util.List;
import java.util.Map;

/** The operations of the API on the ports. Any thread may call. */
public interface PortControl {
    /** Returns the ports in the order in which they were added. */
    List<PortView> views();

    /**
     * Returns everything about one port.
     *
     * @throws ApiException if there is no such port
     */
    PortDetailView view(String name);

    /**
     * Checks everything that a port needs to work.
     *
     * @throws ApiException if there is no such port
     */
    List<CheckView> diagnose(String name);

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
     * Changes keys of a port that runs. Other ports lose no frame.
     *
     * @param spec a JSON object, or keys as on the command line; a key without a value returns to its default
     * @return the changes by key; keys that already had the value are absent
     * @throws ApiException if there is no such port, or if it cannot adopt a key; nothing is changed
     * @throws io.ringbridge.config.ConfigException if a value is not allowed; nothing is changed
     */
    Map<String, KeyChange> change(String name, String spec);

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
