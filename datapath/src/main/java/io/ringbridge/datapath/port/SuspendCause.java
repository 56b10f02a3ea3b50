package io.ringbridge.datapath.port;

import java.util.Locale;

/** Who has suspended a port. Causes are independent of each other: the port runs while none holds. */
public enum SuspendCause {
    /** The front-end, with SUSPEND; until RESUME. */
    FRONT_END,
    /** The driver, with the SUSPEND bit of the device status; until it sets DRIVER_OK again. */
    DRIVER,
    /** Whoever runs the switch. Outlasts the front-end's connection. */
    OPERATOR,
    /** The switch itself, while another process takes the port over: until it has, or that has failed. */
    UPGRADE;

    /** The words used in output. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
