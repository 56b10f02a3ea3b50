package io.ringbridge.app.demo;

import java.util.List;

/**
 * What the demo has measured.
 *
 * @param seconds how long it took
 * @param workers datapath threads
 * @param direction what the rates are of
 * @param latency what the latencies are of
 * @param results a row a frame length
 */
public record DemoReport(double seconds, int workers, String direction, String latency, List<Result> results) {
    /**
     * One frame length.
     *
     * @param frameBytes without the frame check sequence
     * @param frames how many went through, all of them counted by the switch and by the receiver, in order
     * @param dropped how many were dropped
     */
    public record Result(int frameBytes, double mpps, double gbitPerSecond, long frames, long dropped, Latency latencyMicros) {
    }

    /** Percentiles in microseconds. */
    public record Latency(double p50, double p90, double p99, double p999, double max, long samples) {
    }
}
