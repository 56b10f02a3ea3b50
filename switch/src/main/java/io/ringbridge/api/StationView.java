package io.ringbridge.api;

import com.fasterxml.jackson.annotation.JsonProperty;

/**
 * A station as shown by {@code show fdb}.
 *
 * @param vlan 0 behind a port without VLANs
 */
public record StationView(String mac, int vlan, String port, @JsonProperty("static") boolean isStatic,
                          long ageSeconds) {
}
