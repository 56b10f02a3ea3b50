package io.ringbridge.config;

import java.util.List;
import java.util.Optional;

/**
 * A reference to a station.
 *
 * @param address the Ethernet address, with the first byte on the wire in the lowest bits
 * @param vlan 0 behind a port without VLANs; empty if omitted
 * @param port the name of the port; empty if omitted
 */
public record StationConfig(long address, Optional<Integer> vlan, Optional<String> port) {
    static final String PORT = "the name of a port";
    static final List<String> KEYS = List.of("mac", "vlan", "port");
}
