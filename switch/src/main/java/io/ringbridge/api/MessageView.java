package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

import java.util.Map;

/**
 * A message of a port's vhost-user sessions.
 *
 * @param time in UTC, such as {@code 2026-11-30T12:00:00.123456Z}
 * @param kind {@code request}, {@code reply}, {@code backend-request}, or {@code session} for its start or end
 * @param values the content in words
 * @param result {@code ok}, {@code refused}, {@code ignored}, {@code failed} or {@code in-progress}
 * @param why the reason of another result than {@code ok}; absent if there is none
 * @param micros the time until the result
 * @param times how often a notification was repeated
 */
public record MessageView(String time, String kind, String name, int bytes, int descriptors,
                          Map<String, String> values, String result, @Nullable String why, double micros, int times) {
}
