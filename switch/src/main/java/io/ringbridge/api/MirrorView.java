package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

import java.util.Map;

/**
 * A mirror as shown by {@code mirror list}.
 *
 * @param from the name of a port, or {@code vlan:} and a number
 * @param direction in, out or both; null for a VLAN
 * @param to the name of the port that receives the copies
 * @param frames the number of copies delivered. A copy that is cut into segments counts once
 * @param bytes the Ethernet bytes of these frames
 * @param drops copies that were dropped, per reason
 */
public record MirrorView(String name, String from, @Nullable String direction, String to, long frames, long bytes,
                         Map<String, Long> drops) {
}
