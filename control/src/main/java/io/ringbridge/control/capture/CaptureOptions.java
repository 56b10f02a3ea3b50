package io.ringbridge.control.capture;

import org.jspecify.annotations.Nullable;

/**
 * The frames that a capture contains.
 *
 * @param in whether it contains the frames that enter the switch by the port
 * @param out whether it contains the frames that leave by the port
 * @param filter the expression that selects frames, or null for all frames
 * @param snapLength the most bytes of each frame, 1 to {@link io.ringbridge.datapath.port.PortCapture#MAX_SNAP_LENGTH}
 * @param count the number of frames after which the capture ends, or {@link #UNLIMITED}
 */
public record CaptureOptions(boolean in, boolean out, @Nullable String filter, int snapLength, long count) {
    /** The count of a capture that does not end by itself. */
    public static final long UNLIMITED = Long.MAX_VALUE;
}
