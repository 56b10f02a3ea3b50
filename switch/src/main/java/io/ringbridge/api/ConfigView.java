package io.ringbridge.api;

import com.fasterxml.jackson.annotation.JsonProperty;

import java.util.List;

/** What is in force, key by key as in the configuration file; {@code state} is absent where none is kept. */
public record ConfigView(int workers, List<Integer> cpus, String poll, Api api, Fdb fdb, String state, List<Port> ports) {
    /** Where this API is; the socket is absent where there is none. */
    public record Api(String socket) {
    }

    /** The forwarding table. */
    public record Fdb(int capacity, String ageing) {
    }

    /**
     * A port; {@code permissions} is absent where the socket is not the switch's, {@code mac} where the front-end decides,
     * {@code features} where every feature is offered, what another type of port has, and what is as it is by default.
     */
    public record Port(String name, String type, String socket, String mode, String device, int queues, Integer mtu, String permissions,
                       Boolean persist, String master, Boolean up, @JsonProperty("suspend-messages") Boolean suspendMessages,
                       @JsonProperty("suspend-feature-bit") Integer suspendFeatureBit,
                       List<String> offloads, String mac, Boolean inband, @JsonProperty("device-state") Boolean deviceState,
                       Boolean iommu, @JsonProperty("cross-endian") Boolean crossEndian,
                       @JsonProperty("log-base-reply") Integer logBaseReply, List<String> features) {
    }
}
