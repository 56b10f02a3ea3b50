package io.ringbridge.datapath.forward;

/**
 * The recorder and the latency sampler of a worker.
 *
 * @param recorder the headers of the last frames of each port
 * @param sampler the frames whose latency is measured
 */
public record Observation(FrameRecorder recorder, LatencySampler sampler) {
}
