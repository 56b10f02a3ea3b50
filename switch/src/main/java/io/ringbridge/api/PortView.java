package io.ringbridge.api;

import java.util.List;
import java.util.Map;

/**
 * A port as {@code show ports} gives it.
 *
 * @param failure why it failed; absent otherwise
 * @param drops counts by reason; what never happened is absent
 */
public record PortView(String name, String type, String socket, String mode, String state, String failure, int queues, int mtu,
                       List<String> features, long inFrames, long inBytes, long outFrames, long outBytes, Map<String, Long> drops) {
}
