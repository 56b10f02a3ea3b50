package io.ringbridge.bench.load;

import java.time.Duration;

/**
 * The frames of a trial.
 *
 * @param mix the lengths of the frames
 * @param framesPerSecond the rate of all ports together; infinite for as many frames as the back-end accepts
 * @param duration the length of the trial
 * @param whole whether polling guests send frames that are late after the trial, so that the number of frames is exact
 */
public record Load(FrameMix mix, double framesPerSecond, Duration duration, boolean whole) {
    /** A load that drops frames it could not send before the end of the trial. */
    public Load(final FrameMix mix, final double framesPerSecond, final Duration duration) {
        this(mix, framesPerSecond, duration, false);
    }

    /** Returns a load of as many frames as the back-end accepts. */
    public static Load saturation(final FrameMix mix, final Duration duration) {
        return new Load(mix, Double.POSITIVE_INFINITY, duration);
    }

    /** Returns a load of exactly that many frames at a rate. */
    public static Load of(final FrameMix mix, final double framesPerSecond, final long frames) {
        return new Load(mix, framesPerSecond, Duration.ofNanos(Math.round(frames * 1e9 / framesPerSecond)), true);
    }

    boolean isSaturation() {
        return Double.isInfinite(framesPerSecond);
    }

    /** Returns the number of frames of the load, which is infinite at saturation. */
    double frames() {
        return framesPerSecond * duration.toNanos() / 1e9;
    }
}
