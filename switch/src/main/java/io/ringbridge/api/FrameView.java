package io.ringbridge.api;

import org.jspecify.annotations.Nullable;

/**
 * A frame that passed a port.
 *
 * @param time in UTC, with nanoseconds
 * @param direction {@code in} if the frame entered the switch by the port, {@code out} if it was to leave by it
 * @param verdict {@code forwarded}, {@code flooded}, {@code delivered} or {@code dropped}
 * @param reason the reason for a drop; absent if the frame was not dropped
 * @param to the port to which a forwarded frame goes; absent for others
 * @param bytes the length from the Ethernet header on
 * @param skipped the frames of the same direction before this one that were not recorded
 * @param header the first 64 bytes in hexadecimal
 * @param summary the addresses and the protocol in words
 */
public record FrameView(String time, String direction, String verdict, @Nullable String reason, @Nullable String to,
                        int bytes, int skipped, String header, String summary) {
    /** Returns the verdict with its reason or its destination. */
    public String outcome() {
        return reason != null ? verdict + " " + reason : to != null ? verdict + " to " + to : verdict;
    }
}
