package io.ringbridge.control.uplink;

import io.ringbridge.datapath.os.PacketSocket.Direction;

import java.nio.file.Path;

/**
 * What a pcap port reads and writes: an interface, or files.
 *
 * @param device the interface's name, or null
 * @param direction which of the interface's frames come in
 * @param ringBytes room for those that were not taken yet
 * @param read the capture that is replayed, or null
 * @param fullSpeed whether it is replayed as fast as it can be, not as it was captured
 * @param write the file in which frames are recorded, or null
 * @param snapLength how much of a frame is captured or recorded; 0 for all that an interface's MTU lets through, or all of it
 */
public record PcapOptions(String device, Direction direction, int ringBytes, Path read, boolean fullSpeed, Path write, int snapLength) {
    /** Room for some thousand frames of 1500 bytes. */
    public static final int DEFAULT_RING_BYTES = 4 << 20;

    /** What arrives at an interface. */
    public static PcapOptions of(final String device) {
        return new PcapOptions(device, Direction.IN, DEFAULT_RING_BYTES, null, false, null, 0);
    }

    /** Files, either of which may be null. */
    public static PcapOptions files(final Path read, final boolean fullSpeed, final Path write, final int snapLength) {
        return new PcapOptions(null, Direction.IN, DEFAULT_RING_BYTES, read, fullSpeed, write, snapLength);
    }
}
