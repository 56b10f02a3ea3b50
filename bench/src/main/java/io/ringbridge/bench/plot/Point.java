package io.ringbridge.bench.plot;

/**
 * A point of a distribution.
 *
 * @param percentile 0 to 100
 * @param micros the latency that this share does not exceed, in microseconds
 */
public record Point(double percentile, double micros) {
}
