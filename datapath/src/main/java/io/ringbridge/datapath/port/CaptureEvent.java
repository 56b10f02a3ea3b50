package io.ringbridge.datapath.port;

/** The fate of a frame at a port, as a capture records it. */
public enum CaptureEvent {
    /** The frame entered by the port and goes to one other port. */
    FORWARDED,
    /** The frame entered by the port and goes to every other port in its VLAN. */
    FLOODED,
    /** The frame entered by the port and was dropped. */
    DROPPED_IN,
    /** The frame left by the port. */
    DELIVERED,
    /** The frame was to leave by the port and was dropped. */
    DROPPED_OUT;

    private static final CaptureEvent[] ALL = values();

    /** Returns the event with an ordinal. */
    static CaptureEvent at(final int ordinal) {
        return ALL[ordinal];
    }

    /** Whether the frame entered the switch by the port. */
    public boolean isIn() {
        return this == FORWARDED || this == FLOODED || this == DROPPED_IN;
    }
}
