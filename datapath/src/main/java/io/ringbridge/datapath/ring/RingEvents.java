package io.ringbridge.datapath.ring;

import io.ringbridge.datapath.os.EventFd;

/**
 * The descriptors of a virtqueue; each may be null. They stay the session's, which closes them once the worker that owns the queue
 * has acknowledged their replacement.
 *
 * @param kick signalled by the driver when buffers are available; null where the device has to poll
 * @param call signalled by the device when buffers are used; null where the driver polls
 * @param error signalled by the device when the ring is broken
 */
public record RingEvents(EventFd kick, EventFd call, EventFd error) {
    /** No descriptor at all. */
    public static final RingEvents NONE = new RingEvents(null, null, null);
}
