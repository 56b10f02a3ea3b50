package io.ringbridge.api;

import java.util.List;
import java.util.Map;

/**
 * A port as {@code show ports} gives it.
 *
 * @param socket a virtual machine's; absent otherwise
 * @param device a tap's, or the interface of a pcap port; absent otherwise
 * @param read the capture that a pcap port replays; absent otherwise
 * @param write the file that a pcap port records in; absent otherwise
 * @param mode which side opens the socket; absent where there is none
 * @param failure why it failed; absent otherwise
 * @param since when it has come to its state, as {@code 2026-11-30T03:05:00Z}
 * @param why what keeps it from working, and the remedy; absent if nothing is known to be wrong
 * @param vlan the VLAN of frames without a tag; absent where there is none
 * @param trunk the VLANs of frames with a tag, as numbers and ranges; absent for a port that is no trunk
 * @param drops counts by reason; what never happened is absent
 */
public record PortView(String name, String type, String socket, String device, String read, String write, String mode, String state,
                       String failure, String since, String why, int queues, int mtu, Integer vlan, List<String> trunk,
                       List<String> features, long inFrames, long inBytes, long outFrames, long outBytes,
                       Map<String, Long> drops) {
}
