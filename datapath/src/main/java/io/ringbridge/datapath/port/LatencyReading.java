package io.ringbridge.datapath.port;

import org.HdrHistogram.Histogram;

/**
 * The latency of the sampled frames that a port has received, in nanoseconds. The histograms are copies, which belong
 * to the reader.
 *
 * @param total from the poll that took a frame until its used buffer was published
 * @param inFrameRing the part of it that the frame spent in a frame ring
 * @param sinceMillis the start of the recording, in milliseconds since 1970
 */
public record LatencyReading(Histogram total, Histogram inFrameRing, long sinceMillis) {
}
