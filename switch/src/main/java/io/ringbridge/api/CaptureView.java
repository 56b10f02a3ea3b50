package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

/**
 * A capture as shown by {@code show captures}.
 *
 * @param direction in, out or both
 * @param filter null for all frames
 * @param count the number of frames after which it ends; null if it does not end by itself
 * @param since the time when it began, as {@code 2026-11-30T03:05:00Z}
 * @param frames the number of frames written so far
 * @param lost the number of frames lost so far, because the client reads too slowly
 */
public record CaptureView(String port, String direction, @Nullable String filter, int snaplen,
                          @Nullable Integer count, String since, long frames, long lost) {
}
