package io.ringbridge.datapath.port;

import java.util.Locale;

/** A cause of a port's suspension. Causes are independent of each other: the port runs while it has none. */
public enum SuspendCause {
    /** The front-end sent SUSPEND. Ends with RESUME. */
    FRONT_END,
    /** The driver set the SUSPEND bit of the device status. Ends when it sets DRIVER_OK again. */
    DRIVER,
    /** The operator suspended the port. Outlasts the front-end's connection. */
    OPERATOR,
    /**
     * The switch hands the port over to another process. Ends when the other process has it, or the hand-over failed.
     */
    UPGRADE;

    /** Returns the words for output. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
