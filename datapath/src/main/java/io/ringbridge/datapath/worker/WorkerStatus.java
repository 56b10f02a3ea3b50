package io.ringbridge.datapath.worker;

/**
 * A reading of one worker, for display.
 *
 * @param index its number; its thread is {@code rb-worker-N}
 * @param cpu the processor it is pinned to, or -1
 * @param queues how many transmit queues it owns that are started and enabled
 * @param busyShare the share of its time, 0 to 1, that it spent on frames, since it was last asked
 * @param frames frames it has delivered since it started
 * @param cyclesPerFrame ticks of the time stamp counter while it was busy, a frame it delivered, since it was last asked; 0 when it
 *     delivered none, or the counter's rate is not known
 * @param framesPerPoll frames taken a poll that found any
 * @param longestCycleNanos its longest duty cycle since it was last asked
 * @param stalls duty cycles over 10 ms since it started
 */
public record WorkerStatus(int index, int cpu, int queues, double busyShare, long frames, double cyclesPerFrame,
                           double framesPerPoll, long longestCycleNanos, long stalls) {
}
