package io.ringbridge.bench.latency;

import io.ringbridge.bench.load.Notified;
import io.ringbridge.bench.load.Outcome;
import java.util.Locale;
import org.HdrHistogram.Histogram;

/**
 * The latencies at one load.
 *
 * @param notified how the receiving guest learns of frames
 * @param load what share of the maximum it is, or which rate, for people
 * @param outcome of the trial, with its histogram
 */
record Series(Notified notified, String load, Outcome outcome) {
    Histogram histogram() {
        return outcome.latency();
    }

    String title() {
        return guest() + ", " + load;
    }

    /** {@code busy} or {@code interrupt}. */
    String guest() {
        return notified.name().toLowerCase(Locale.ROOT);
    }

    /** As a part of a file's name. */
    String slug() {
        return (guest() + "-" + load).replace("%", "").replace(' ', '-').replace("/", "-");
    }
}
