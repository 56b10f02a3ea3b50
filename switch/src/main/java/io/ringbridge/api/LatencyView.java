package io.ringbridge.api;

import java.util.List;

/**
 * The latency of sampled frames.
 *
 * @param sample one of this many frames is measured; 0 if none is
 * @param ports in the order of the ports
 */
public record LatencyView(int sample, List<OfPort> ports) {
    /**
     * The latency of the frames that left by a port.
     *
     * @param since the time at which the recording started, in ISO 8601
     * @param totalNanos from the poll that took a frame until the receiver could see it
     * @param frameRingNanos the part of that time which the frame spent in a frame ring
     */
    public record OfPort(String port, long samples, String since, Percentiles totalNanos,
                         Percentiles frameRingNanos) {
    }

    /** Percentiles in nanoseconds, all 0 without samples; {@code p999} is 99.9 %. */
    public record Percentiles(long p50, long p90, long p99, long p999, long max) {
    }
}
