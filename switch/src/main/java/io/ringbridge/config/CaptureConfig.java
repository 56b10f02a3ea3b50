package io.ringbridge.config;

import io.ringbridge.datapath.port.PortCapture;

import java.util.List;
import java.util.Optional;

/**
 * A request for a capture.
 *
 * @param port the name of the port
 * @param direction the frames to capture
 * @param filter an expression in the syntax of libpcap; empty for all frames
 * @param snapLength the most bytes of each frame
 * @param count the number of frames after which the capture ends; empty if it does not end by itself
 */
public record CaptureConfig(String port, Direction direction, Optional<String> filter, int snapLength,
                            Optional<Integer> count) {
    /** The frames that enter the switch by a port, that leave by it, or all of them. */
    public enum Direction { IN, OUT, BOTH }

    static final List<String> KEYS = List.of("port", "direction", "filter", "snaplen", "count");
    static final String FILTER = "an expression in the syntax of pcap-filter(7)";

    /** Reads a request from its section. */
    static CaptureConfig read(final Section section) {
        return new CaptureConfig(
            section.text("port", StationConfig.PORT).orElseThrow(() -> section.missing("port", StationConfig.PORT)),
            section.choice("direction", List.of(Direction.values())).orElse(Direction.BOTH),
            section.text("filter", FILTER),
            section.integer("snaplen", 1, PortCapture.MAX_SNAP_LENGTH).orElse(PortCapture.MAX_SNAP_LENGTH),
            section.integer("count", 1, Integer.MAX_VALUE));
    }

    /** Returns the direction in the syntax of the request. */
    public String directionWord() {
        return Spelling.word(direction);
    }
}
