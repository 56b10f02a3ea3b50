package io.ringbridge.api;

import java.util.Map;

/**
 * The levels of the log.
 *
 * @param level the general level
 * @param ports the levels of the ports that have another one, by name
 */
public record LogLevelsView(String level, Map<String, String> ports) {
}
