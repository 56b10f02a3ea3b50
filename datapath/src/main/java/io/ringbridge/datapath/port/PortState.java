package io.ringbridge.datapath.port;

import java.util.Locale;

/** How far a port has come. */
public enum PortState {
    /** Nobody is attached. */
    WAITING,
    /** A front-end is attached, and no ring runs. */
    CONNECTED,
    /** At least one ring runs. */
    RUNNING,
    /** The device is suspended. */
    SUSPENDED,
    /** The port had to be given up; others go on. */
    FAILED;

    /** The word used in output. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
