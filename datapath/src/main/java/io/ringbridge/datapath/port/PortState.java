package io.ringbridge.datapath.port;

import java.util.Locale;

/** How far a port has come. */
public enum PortState {
    /** Nobody is attached, or no device. */
    WAITING,
    /** A front-end is attached, and no ring runs. */
    CONNECTED,
    /** At least one ring runs, or the device is there. */
    RUNNING,
    /** A front-end, its driver or an operator has suspended it, or all its rings were stopped: nothing moves. */
    SUSPENDED,
    /** The port had to be given up; others go on. */
    FAILED;

    /** The word used in output. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
