package io.ringbridge.api;

/** A worker as {@code show workers} gives it; {@code cpu} is -1 for one that is not pinned. */
public record WorkerView(int index, int cpu, int queues, double busyShare, long frames, double framesPerPoll, long longestCycleNanos,
                         long stalls) {
}
