package io.ringbridge.config;

import java.util.List;
import java.util.Optional;

/**
 * A station, as one says which is meant.
 *
 * @param address its first byte on the wire the lowest
 * @param vlan 0 behind a port without VLANs; empty where it is not said
 * @param port its port's name; empty where it is not said
 */
public record StationConfig(long address, Optional<Integer> vlan, Optional<String> port) {
    static final List<String> KEYS = List.of("mac", "vlan", "port");
}
