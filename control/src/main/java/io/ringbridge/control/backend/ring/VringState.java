package io.ringbridge.control.backend.ring;

/**
 * Whether a ring runs, as far as the session knows.
 *
 * <pre>
 *  from            to              when
 *  STOPPED         WAITING         the front-end kicks the ring
 *  WAITING         RUNNING         the ring is set up, enabled and in memory, and the driver is ready
 *  RUNNING         WAITING         one of these no longer holds
 *  WAITING         AWAITING_KICK   the device is reset without its driver
 *  AWAITING_KICK   WAITING         the front-end kicks the ring, or the driver is ready
 *  any             STOPPED         GET_VRING_BASE, RESET_DEVICE, or a memory table without the ring
 * </pre>
 */
enum VringState {
    /** The front-end has not started the ring, or has stopped it. */
    STOPPED,
    /** The ring must not start before it is kicked again, because its device was reset without its driver. */
    AWAITING_KICK,
    /** The ring starts as soon as it is complete, enabled, and covered by memory, and the driver is ready. */
    WAITING,
    /** The ring runs in the port, unless a worker has found it broken since. */
    RUNNING,
    /** The ring broke in the process before this one. */
    BROKEN;

    /** Returns the state of a ring that another process has handed over. */
    static VringState of(final boolean kicked, final boolean awaitsKick, final boolean started) {
        if (started) {
            return RUNNING;
        }
        return kicked ? awaitsKick ? AWAITING_KICK : WAITING : STOPPED;
    }
}
