package io.ringbridge.datapath.forward;

/**
 * What a worker records of the frames that it takes.
 *
 * @param recorder the headers of the last frames of each port
 * @param sampler the frames whose latency is measured
 */
public record Observation(FrameRecorder recorder, LatencySampler sampler) {
}
