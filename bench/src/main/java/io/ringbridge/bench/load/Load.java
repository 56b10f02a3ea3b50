package io.ringbridge.bench.load;

import java.time.Duration;

/**
 * What is sent in a trial.
 *
 * @param mix the lengths
 * @param framesPerSecond of all ports together; infinite: as many as the back-end takes
 * @param duration how long
 * @param whole whether guests that poll send in the end what they are late with, so that no frame is left out
 */
public record Load(FrameMix mix, double framesPerSecond, Duration duration, boolean whole) {
    /** One of which late frames are left out in the end. */
    public Load(final FrameMix mix, final double framesPerSecond, final Duration duration) {
        this(mix, framesPerSecond, duration, false);
    }

    /** As many frames as the back-end takes. */
    public static Load saturation(final FrameMix mix, final Duration duration) {
        return new Load(mix, Double.POSITIVE_INFINITY, duration);
    }

    /** So many frames at a rate, all of them. */
    public static Load of(final FrameMix mix, final double framesPerSecond, final long frames) {
        return new Load(mix, framesPerSecond, Duration.ofNanos(Math.round(frames * 1e9 / framesPerSecond)), true);
    }

    boolean isSaturation() {
        return Double.isInfinite(framesPerSecond);
    }

    /** How many frames it is, if it is a number. */
    double frames() {
        return framesPerSecond * duration.toNanos() / 1e9;
    }
}
