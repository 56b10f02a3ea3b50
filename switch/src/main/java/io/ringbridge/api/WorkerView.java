package io.ringbridge.api;

/**
 * A worker as shown by {@code show workers}.
 *
 * @param cpu -1 if the worker is not pinned
 * @param cyclesPerFrame 0 if unknown
 */
public record WorkerView(int index, int cpu, int queues, double busyShare, long frames, double cyclesPerFrame,
                         double framesPerPoll, long longestCycleNanos, long stalls) {
}
