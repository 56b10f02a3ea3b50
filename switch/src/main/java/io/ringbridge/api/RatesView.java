package io.ringbridge.api;

/** Frames and bytes of a port per second, over the last second. In and out are as seen from the switch. */
public record RatesView(double inFrames, double inBytes, double outFrames, double outBytes, double drops) {
    /** Nothing moves, or no second has been measured yet. */
    public static final RatesView NONE = new RatesView(0, 0, 0, 0, 0);
}
