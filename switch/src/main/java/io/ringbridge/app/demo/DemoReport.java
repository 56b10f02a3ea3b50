package io.ringbridge.app.demo;

import java.util.List;

/**
 * The results of the demo.
 *
 * @param seconds the duration of the run
 * @param workers the number of datapath threads
 * @param direction a description of the load whose rate is measured
 * @param latency a description of the load whose latency is measured
 * @param results one result per frame length
 */
public record DemoReport(double seconds, int workers, String direction, String latency, List<Result> results) {
    /**
     * The result for one frame length.
     *
     * @param frameBytes the length without the frame check sequence
     * @param frames the number of frames received in order, which the switch's counters confirm
     * @param dropped the number of frames dropped
     */
    public record Result(int frameBytes, double mpps, double gbitPerSecond, long frames, long dropped,
                         Latency latencyMicros) {
    }

    /** Latency percentiles in microseconds. */
    public record Latency(double p50, double p90, double p99, double p999, double max, long samples) {
    }
}
