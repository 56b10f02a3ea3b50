package io.ringbridge.datapath.worker;

/**
 * A reading of one worker, for display.
 *
 * @param index the worker's number N; its thread is {@code rb-worker-N}
 * @param cpu the processor that the worker is pinned to, or -1
 * @param queues the number of running transmit queues and of uplink queues that the worker owns
 * @param busyShare the share of time, 0 to 1, spent on duty cycles with work, since the last reading
 * @param frames the frames delivered since the start
 * @param cyclesPerFrame ticks of the time stamp counter spent busy per frame delivered, since the last reading; 0 if no
 *     frame was delivered or the counter's rate is unknown
 * @param framesPerPoll the frames taken per poll that found any, since the start
 * @param longestCycleNanos the longest duty cycle with work, since the last reading
 * @param stalls the number of duty cycles longer than 10 ms since the start
 */
public record WorkerStatus(int index, int cpu, int queues, double busyShare, long frames, double cyclesPerFrame,
                           double framesPerPoll, long longestCycleNanos, long stalls) {
}
