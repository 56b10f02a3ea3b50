package io.ringbridge.bench.load;

import org.HdrHistogram.Histogram;
import org.jspecify.annotations.Nullable;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The latencies of a lane during a trial. The thread that receives the lane's frames records them. */
final class Latencies {
    private static final long LONGEST_NANOS = TimeUnit.SECONDS.toNanos(60);
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    private static final int DIGITS = 3;
    /** A histogram of a second is a tenth as large with one digit less. */
    private static final int DIGITS_OF_SECONDS = 2;

    private final long start;
    private final Histogram whole = new Histogram(LONGEST_NANOS, DIGITS);
    private final Histogram[] seconds;

    private Latencies(final long start, final int seconds) {
        this.start = start;
        this.seconds = new Histogram[seconds];
        for (int i = 0; i < seconds; i++) {
            this.seconds[i] = new Histogram(LONGEST_NANOS, DIGITS_OF_SECONDS);
        }
    }

    /**
     * Prepares for a trial.
     *
     * @return null if nothing is recorded
     */
    static @Nullable Latencies of(final Recording recording, final long start, final Duration duration) {
        return switch (recording) {
            case NONE -> null;
            case WHOLE -> new Latencies(start, 0);
            case SECONDS -> new Latencies(start, (int) Math.max(1, (duration.toNanos() + SECOND - 1) / SECOND));
        };
    }

    /** Records a frame that was due at one time and received at another, in {@link System#nanoTime} units. */
    void record(final long received, final long due) {
        final long nanos = Math.clamp(received - due, 0, LONGEST_NANOS);
        whole.recordValue(nanos);
        if (seconds.length > 0) {
            // Frames that arrive after the end of the trial belong to its last second.
            seconds[Math.clamp((received - start) / SECOND, 0, seconds.length - 1)].recordValue(nanos);
        }
    }

    /** Returns the merged latencies of all lanes, or null without lanes. */
    static @Nullable Histogram whole(final List<Latencies> lanes) {
        Histogram all = null;
        for (final Latencies lane : lanes) {
            if (all == null) {
                all = lane.whole;
            } else {
                all.add(lane.whole);
            }
        }
        return all;
    }

    /** Returns the latencies of each second, all lanes together. */
    static List<Histogram> seconds(final List<Latencies> lanes) {
        final List<Histogram> all = new ArrayList<>();
        for (int i = 0; !lanes.isEmpty() && i < lanes.getFirst().seconds.length; i++) {
            final Histogram second = lanes.getFirst().seconds[i];
            for (final Latencies lane : lanes.subList(1, lanes.size())) {
                second.add(lane.seconds[i]);
            }
            all.add(second);
        }
        return all;
    }
}
