package io.ringbridge.api;

import com.fasterxml.jackson.annotation.JsonProperty;

/** A station as {@code show fdb} gives it; {@code vlan} is 0 behind a port without VLANs. */
public record StationView(String mac, int vlan, String port, @JsonProperty("static") boolean isStatic, long ageSeconds) {
}
