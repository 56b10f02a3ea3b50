package io.ringbridge.datapath.port;

/** A queue that frames leave the switch by: egress. The worker that owns it alone gives it frames. */
public sealed interface Sink permits ReceiveQueue, UplinkQueue {
    Port port();

    /** The worker that owns it. */
    QueueOwner owner();

    /** What left by it, and what was dropped on the way. Written by its owner. */
    QueueCounters counters();
}
