package io.ringbridge.bench.load;

/** How a guest learns that frames have come. */
public enum Notified {
    /** It looks all the time, as DPDK's drivers do. */
    BUSY,
    /** It sleeps until the back-end notifies it, as a kernel's driver does. */
    INTERRUPT
}
