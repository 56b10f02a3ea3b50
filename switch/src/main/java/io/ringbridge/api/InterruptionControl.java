package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

import java.util.List;

/** The operations of the API on interruptions. Any thread may call. */
public interface InterruptionControl {
    /**
     * Returns the latest interruptions of each port, in the order of their start.
     *
     * @param port the name of a port, or null for all
     * @throws ApiException if there is no such port
     */
    List<InterruptionView> views(@Nullable String port);
}
