package io.ringbridge.control.uplink;

import io.ringbridge.datapath.os.PacketSocket.Direction;
import org.jspecify.annotations.Nullable;

import java.nio.file.Path;

/**
 * The options of a pcap port, which reads and writes an interface or files.
 *
 * @param device the name of the interface, or null
 * @param direction the direction of the interface's frames that the port receives
 * @param ringBytes the size of the buffer for frames that the port has not read yet
 * @param read the capture to replay, or null
 * @param fullSpeed whether to replay as fast as possible rather than with the captured timing
 * @param write the file in which to record frames, or null
 * @param snapLength the largest number of bytes captured or recorded per frame; 0 for no limit
 */
public record PcapOptions(@Nullable String device, Direction direction, int ringBytes, @Nullable Path read,
                          boolean fullSpeed, @Nullable Path write, int snapLength) {
    /** Room for some thousand frames of 1500 bytes. */
    public static final int DEFAULT_RING_BYTES = 4 << 20;

    /** Returns the options for the frames that arrive at an interface. */
    public static PcapOptions of(final String device) {
        return new PcapOptions(device, Direction.IN, DEFAULT_RING_BYTES, null, false, null, 0);
    }

    /** Returns the options for files, either of which may be null. */
    public static PcapOptions files(final @Nullable Path read, final boolean fullSpeed, final @Nullable Path write,
                                    final int snapLength) {
        return new PcapOptions(null, Direction.IN, DEFAULT_RING_BYTES, read, fullSpeed, write, snapLength);
    }
}
