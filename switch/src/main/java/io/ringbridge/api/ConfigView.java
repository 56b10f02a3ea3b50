package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Map;

/**
 * The configuration in force, with the keys of the configuration file.
 *
 * @param state absent if no state is kept
 * @param ports the keys of each port's type, except those that have their default
 * @param mirrors the keys of each mirror, except those that have their default
 */
public record ConfigView(int workers, List<Integer> cpus, String poll, Api api, Fdb fdb, Recorder recorder,
                         Latency latency, @Nullable String state, List<Map<String, Object>> ports,
                         List<Map<String, Object>> mirrors) {
    /**
     * The API.
     *
     * @param socket absent if there is none
     * @param owner absent if it is the user of the process
     * @param group absent if it is the group of the process
     * @param mode in octal digits
     */
    public record Api(@Nullable String socket, @Nullable String owner, @Nullable String group, String mode) {
    }

    /** The recorder of frames; 0 frames if it is off. */
    public record Recorder(int frames) {
    }

    /** The forwarding table. */
    public record Fdb(int capacity, String ageing) {
    }

    /** The sampling of latencies. */
    public record Latency(int sample) {
    }
}
