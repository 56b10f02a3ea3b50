package io.ringbridge.datapath.forward;

import io.ringbridge.datapath.port.Mirrors;

/**
 * The recorder and the latency sampler of a worker, and the mirrors.
 *
 * @param recorder the headers of the last frames of each port
 * @param sampler the frames whose latency is measured
 * @param mirrors copy the frames of ports and VLANs to other ports
 */
public record Observation(FrameRecorder recorder, LatencySampler sampler, Mirrors mirrors) {
}
