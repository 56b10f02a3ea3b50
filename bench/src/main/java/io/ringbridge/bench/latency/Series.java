package io.ringbridge.bench.latency;

import io.ringbridge.bench.load.Notified;
import io.ringbridge.bench.load.Outcome;
import org.HdrHistogram.Histogram;

import java.util.Locale;

/**
 * The latencies at one load.
 *
 * @param notified the way in which the receiving guest detects frames
 * @param load the share of the maximum, or the rate, for the report
 * @param outcome the result of the trial, with its histogram
 */
record Series(Notified notified, String load, Outcome outcome) {
    Histogram histogram() {
        final Histogram latency = outcome.latency();
        assert latency != null : "a series is made of trials with latencies";
        return latency;
    }

    String title() {
        return guest() + ", " + load;
    }

    /** Returns {@code busy} or {@code interrupt}. */
    String guest() {
        return notified.name().toLowerCase(Locale.ROOT);
    }

    /** Returns the title as part of a file name. */
    String slug() {
        return (guest() + "-" + load).replace("%", "").replace(' ', '-').replace("/", "-");
    }
}
