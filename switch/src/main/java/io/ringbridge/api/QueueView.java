package io.ringbridge.api;

import java.util.Map;

/** A queue as {@code show queues} gives it; {@code kind} is as the guest sees it, or {@code tap}. */
public record QueueView(String port, int index, String kind, int worker, boolean started, boolean enabled, String layout, int size,
                        long inFrames, long inBytes, long outFrames, long outBytes, Map<String, Long> drops) {
}
