package io.ringbridge.datapath.worker;

/** The behaviour of a worker that has no work. */
public enum PollMode {
    /** Spins: the shortest latency at the cost of a whole processor. */
    BUSY,
    /** Spins for a while, then sleeps until a driver kicks. */
    ADAPTIVE
}
