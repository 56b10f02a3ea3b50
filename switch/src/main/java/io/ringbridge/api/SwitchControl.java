package io.ringbridge.api;

import java.time.Duration;
import java.util.List;

/** What the API can ask of a switch. Any thread may call in. */
public interface SwitchControl {
    /**
     * What a process that is to take over has for its start if nobody says otherwise; its launcher may have to build it
     * first.
     */
    Duration UPGRADE_LIMIT = Duration.ofMinutes(2);

    List<PortView> ports();

    List<QueueView> queues();

    FdbControl fdb();

    List<WorkerView> workers();

    ConfigView config();

    /**
     * Adds a port and opens its socket.
     *
     * @param spec as on the command line
     * @throws ApiException when it may not be, or its socket cannot be opened
     */
    void addPort(String spec);

    /**
     * Removes a port and its socket.
     *
     * @throws ApiException when there is no such port
     */
    void removePort(String name);

    /**
     * Suspends a port, until {@link #resumePort}, whoever attaches to it meanwhile; one that is suspended already stays so.
     *
     * @throws ApiException when there is no such port
     */
    void suspendPort(String name);

    /**
     * Starts another process, hands it every port, and returns when frames move there.
     *
     * @param program the path of the program to start; null for the one that this was started with
     * @param limit for that process to start and to be ready
     * @throws LastException when it failed after the other process had taken over: nothing is served any more
     * @throws ApiException when it failed, and everything is as it was
     */
    UpgradeView upgrade(String program, Duration limit);

    /** Called when whoever asked for an {@link #upgrade} has been told what came of it, and this process is of no more use. */
    void upgraded();

    /**
     * Takes back {@link #suspendPort}; the port runs unless its front-end or driver has suspended it as well.
     *
     * @throws ApiException when there is no such port
     */
    void resumePort(String name);
}
