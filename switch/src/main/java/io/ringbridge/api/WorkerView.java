package io.ringbridge.api;

/** A worker as {@code show workers} gives it; {@code cpu} is -1 for one that is not pinned, {@code cyclesPerFrame} 0 for not known. */
public record WorkerView(int index, int cpu, int queues, double busyShare, long frames, double cyclesPerFrame, double framesPerPoll,
                         long longestCycleNanos, long stalls) {
}
