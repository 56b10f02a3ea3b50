package io.ringbridge.api;

import java.util.Map;

/**
 * A queue as shown by {@code show queues}.
 *
 * @param kind {@code rx} or {@code tx} as seen by the guest, or {@code uplink}
 */
public record QueueView(String port, int index, String kind, int worker, boolean started, boolean enabled,
                        String layout, int size, long inFrames, long inBytes, long outFrames, long outBytes,
                        Map<String, Long> drops) {
}
