package io.ringbridge.bench.load;

/** Selects what a trial records about the latencies of its frames. */
public enum Recording {
    /** Nothing. */
    NONE,
    /** The distribution of the whole trial. */
    WHOLE,
    /** The distribution of the whole trial, and that of each second. */
    SECONDS
}
