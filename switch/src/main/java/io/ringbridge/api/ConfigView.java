package io.ringbridge.api;

import java.util.List;
import java.util.Map;

/**
 * What is in force, key by key as in the configuration file.
 *
 * @param state absent where none is kept
 * @param ports of each what its type has, but for what is as it is by default
 */
public record ConfigView(int workers, List<Integer> cpus, String poll, Api api, Fdb fdb, String state,
                         List<Map<String, Object>> ports) {
    /** Where this API is; the socket is absent where there is none. */
    public record Api(String socket) {
    }

    /** The forwarding table. */
    public record Fdb(int capacity, String ageing) {
    }
}
