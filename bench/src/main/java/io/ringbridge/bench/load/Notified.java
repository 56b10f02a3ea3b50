package io.ringbridge.bench.load;

import java.util.Locale;

/** The ways in which a guest detects received frames. */
public enum Notified {
    /** The guest polls its rings continuously, as DPDK's drivers do. */
    BUSY,
    /** The guest sleeps until the back-end notifies it, as a kernel driver does. */
    INTERRUPT;

    /** Returns {@code busy} or {@code interrupt}. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}
