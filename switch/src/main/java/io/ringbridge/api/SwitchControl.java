package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

import java.time.Duration;
import java.util.List;
import java.util.Map;

/** The operations of the API on a switch. Any thread may call. */
public interface SwitchControl {
    /** The default time that a new process may take to become ready; its launcher may have to build it first. */
    Duration UPGRADE_LIMIT = Duration.ofMinutes(2);

    List<PortView> ports();

    List<QueueView> queues();

    FdbControl fdb();

    List<WorkerView> workers();

    ConfigView config();

    /**
     * Adds a port and opens its socket.
     *
     * @param spec the port, specified as on the command line
     * @throws ApiException if the port is not allowed, or its socket cannot be opened
     */
    void addPort(String spec);

    /**
     * Changes keys of a port that runs. Other ports lose no frame.
     *
     * @param spec the keys, as on the command line or as a JSON object; a key without a value returns to its default
     * @return the changes by key; keys that already had the value are absent
     * @throws ApiException if there is no such port, or if it cannot adopt a key; nothing has changed then
     * @throws io.ringbridge.config.ConfigException if a value is not allowed; nothing has changed then
     */
    Map<String, KeyChange> changePort(String name, String spec);

    /**
     * Reads the configuration file again, and applies the difference between it and what runs.
     *
     * @throws ApiException if the difference cannot be applied; nothing has changed then
     * @throws io.ringbridge.config.ConfigException if the file is wrong; nothing has changed then
     */
    ReloadView reload(ReloadOptions options);

    /**
     * Removes a port and its socket.
     *
     * @throws ApiException if there is no such port
     */
    void removePort(String name);

    /**
     * Suspends a port until {@link #resumePort}, whichever front-ends attach meanwhile. Does nothing if the port is
     * suspended already.
     *
     * @throws ApiException if there is no such port
     */
    void suspendPort(String name);

    /**
     * Starts another process, hands it every port, and returns once that process forwards frames.
     *
     * @param program the path of the program to start; null for the program that started this switch
     * @param limit the time that the new process may take to start and to become ready
     * @throws SwitchLostException if the new process failed after the hand-over: no process serves the ports
     * @throws ApiException if the upgrade failed earlier: this process serves the ports as before
     */
    UpgradeView upgrade(@Nullable String program, Duration limit);

    /** Called once the client has the result of an {@link #upgrade} after which this process no longer serves. */
    void upgraded();

    /**
     * Reverts {@link #suspendPort}. The port runs unless its front-end or driver has suspended it as well.
     *
     * @throws ApiException if there is no such port
     */
    void resumePort(String name);
}
