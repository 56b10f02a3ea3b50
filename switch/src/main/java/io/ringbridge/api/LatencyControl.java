package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

/** The operations of the API on latencies. Any thread may call. */
public interface LatencyControl {
    /**
     * Returns the latency of sampled frames.
     *
     * @param port the name of a port, or null for all
     * @throws ApiException if there is no such port
     */
    LatencyView view(@Nullable String port);
}
