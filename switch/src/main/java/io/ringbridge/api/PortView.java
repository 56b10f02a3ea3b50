package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

import java.util.List;
import java.util.Map;

/**
 * A port as shown by {@code show ports}.
 *
 * @param socket the socket of a vhost-user or backend port; absent otherwise
 * @param device the device of a tap port, or the interface of a pcap port; absent otherwise
 * @param read the capture that a pcap port replays; absent otherwise
 * @param write the file that a pcap port records to; absent otherwise
 * @param mode the side that opens the socket of a vhost-user port; absent otherwise
 * @param failure the reason for the state {@code failed}; absent otherwise
 * @param since the time of the last change of state, as {@code 2026-11-30T03:05:00Z}
 * @param why the problem that keeps the port from working, and its remedy; absent if no problem is known
 * @param vlan the VLAN of untagged frames; absent if there is none
 * @param trunk the VLANs of tagged frames, as numbers and ranges; absent if the port is not a trunk
 * @param drops counts by reason; counts of zero are absent
 * @param rates frames and bytes per second
 */
public record PortView(String name, String type, @Nullable String socket, @Nullable String device,
                       @Nullable String read, @Nullable String write, @Nullable String mode, String state,
                       @Nullable String failure, String since, @Nullable String why, int queues, int mtu,
                       @Nullable Integer vlan, @Nullable List<String> trunk, List<String> features, long inFrames,
                       long inBytes, long outFrames, long outBytes, Map<String, Long> drops,
                       RatesView rates) {
}
