package io.ringbridge.api;

import java.util.List;
import java.util.Map;

/**
 * A port as {@code show ports} gives it.
 *
 * @param socket a virtual machine's; absent otherwise
 * @param device a tap's; absent otherwise
 * @param mode which side opens the socket; absent where there is none
 * @param failure why it failed; absent otherwise
 * @param drops counts by reason; what never happened is absent
 */
public record PortView(String name, String type, String socket, String device, String mode, String state, String failure, int queues,
                       int mtu, List<String> features, long inFrames, long inBytes, long outFrames, long outBytes,
                       Map<String, Long> drops) {
}
