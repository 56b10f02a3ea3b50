package io.ringbridge.datapath.worker;

/** What a worker does when there is nothing to do. */
public enum PollMode {
    /** Spins: the shortest latency, and a whole processor. */
    BUSY,
    /** Spins a while, then sleeps until a driver kicks. */
    ADAPTIVE
}
