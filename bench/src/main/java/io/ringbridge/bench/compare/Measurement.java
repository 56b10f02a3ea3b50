package io.ringbridge.bench.compare;

/**
 * One run.
 *
 * @param framesPerSecond both directions together
 * @param lastToFirst     the rate at the end of the run to that at its start: falls with the frames that a closed loop loses
 * @param disturbed      the share of the time in which somebody waited for a processor, because others ran beside the measurement
 * @param circulating     frames in the loop when it was stopped
 * @param lost            frames sent and never received
 */
record Measurement(double framesPerSecond, double lastToFirst, double disturbed, long circulating, long lost) {
}
