package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

import java.time.Duration;

/** Replaces the switch by another version of it. Any thread may call. */
public interface UpgradeControl {
    /** The default time that a new process may take to become ready; its launcher may have to build it first. */
    Duration LIMIT = Duration.ofMinutes(2);

    /**
     * Starts another process, hands it every port, and returns once that process forwards frames.
     *
     * @param program the path of the program to start; null for the program that started this switch
     * @param limit the time that the new process may take to start and to become ready
     * @throws SwitchLostException if the new process failed after the hand-over: no process serves the ports
     * @throws ApiException if the upgrade failed earlier: this process serves the ports as before
     */
    UpgradeView run(@Nullable String program, Duration limit);

    /** Called once the client has the result of a {@link #run} after which this process no longer serves. */
    void answered();
}
