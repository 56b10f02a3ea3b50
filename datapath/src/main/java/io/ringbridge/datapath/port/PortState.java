package io.ringbridge.datapath.port;

import java.util.Locale;

/** The state of a port, for display. */
public enum PortState {
    /** No front-end or device is attached. */
    WAITING,
    /** A front-end is attached, and no ring runs. */
    CONNECTED,
    /** At least one ring runs, or a device is attached. */
    RUNNING,
    /** The port has a cause of suspension, or all its rings were stopped: no frames move. */
    SUSPENDED,
    /** The port has failed and carries no frames; other ports are not affected. */
    FAILED;

    /** Returns the word for output. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
