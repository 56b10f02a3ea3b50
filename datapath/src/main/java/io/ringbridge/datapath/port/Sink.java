package io.ringbridge.datapath.port;

import org.jspecify.annotations.Nullable;

/** A queue by which frames leave the switch: egress. Only the worker that owns it delivers frames to it. */
public sealed interface Sink permits ReceiveQueue, UplinkQueue {
    Port port();

    /** Returns the owner of the queue. */
    QueueOwner owner();

    /** Returns the counters of frames that left by the queue or were dropped. The owner writes them. */
    QueueCounters counters();

    /** Returns the trace of frames that left by the queue or were dropped, or null. The owner writes it. */
    @Nullable FrameTrace trace();

    /** Returns the latency of sampled frames, which the owner records; null if the queue was never started. */
    @Nullable Latency latency();
}
