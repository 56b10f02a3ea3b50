package io.ringbridge.datapath.port;

import org.jspecify.annotations.Nullable;

/**
 * A frame that a {@link FrameTrace} has recorded.
 *
 * @param nanos the start of the worker's duty cycle in which the frame passed, in the time of {@link System#nanoTime}
 * @param reason the reason for a drop, or null
 * @param peer the {@linkplain Port#serial serial number} of the port to which the frame goes, or 0
 * @param length the bytes of the frame, from the Ethernet header on
 * @param skipped the frames of the same direction that passed since the last recorded one and were not recorded
 * @param header the first bytes of the frame, at most {@link FrameTrace#HEADER}
 */
@SuppressWarnings("ArrayRecordComponent")
public record TracedFrame(long nanos, CaptureEvent event, @Nullable DropReason reason, int peer, int length,
                          int skipped, byte[] header) {
}
